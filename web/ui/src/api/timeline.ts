/** Footage of many cameras at a glance. */

import type { Lane } from '../playback/timeline';
import { rfc3339, send } from './client';

/** `from`, `to`: ms since 1970; `step`: s, below which spans are merged. */
export async function timeline(cameras: readonly string[], from: number, to: number, step: number, signal: AbortSignal): Promise<Lane[]> {
  const query = new URLSearchParams({ cameras: cameras.join(','), from: rfc3339(from), to: rfc3339(to), step: String(step) });
  const response = await send(`/api/v1/timeline?${query.toString()}`, { signal: AbortSignal.any([signal, AbortSignal.timeout(20_000)]) });
  return ((await response.json()) as { cameras: Lane[] }).cameras;
}
