/** Stored pictures of events. */

import { at } from './base';
import { get } from './client';

export interface Snapshot {
  id: string;
  camera: string;
  /** When it began to be shown; RFC 3339, UTC. */
  time: string;
}

export const snapshotsOf = async (event: string): Promise<Snapshot[]> =>
  (await get<{ snapshots: Snapshot[] }>(`/api/v1/snapshots?${new URLSearchParams({ event, limit: '1000' }).toString()}`)).snapshots;

export const pictureUrl = (id: string): string => at(`/api/v1/snapshots/${encodeURIComponent(id)}.jpg`);
