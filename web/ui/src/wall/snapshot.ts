/** A camera's picture as a file of whoever looks at it. */

import { camera as pathOf, rfc3339, send } from '../api/client';
import type { Camera, StreamName } from '../api/types';
import { fieldOf } from '../playback/zone';
import { site } from '../state/zone.svelte';

/** `at`: what is replayed, ms since 1970; `null`: the newest. `now` is what the file is called by. */
export async function saveSnapshot(camera: Camera, stream: StreamName, at: number | null, now: number): Promise<void> {
  const query = new URLSearchParams({ stream, ...(at === null ? {} : { at: rfc3339(at) }) });
  const response = await send(`${pathOf(camera.id)}/snapshot.jpg?${query.toString()}`);
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `${fileName(camera.name, camera.id)}_${stamp(at ?? now)}.jpg`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** What every file system takes. */
export const fileName = (name: string, id: string): string => name.replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60) || id;

/** In the recorder's time, in an order that sorts. */
const stamp = (ms: number): string => fieldOf(site.zone, ms).replace('T', '_').replaceAll(':', '-');
