/** Stored pictures: of events, and taken by hand. */

import { at as below } from './base';
import { camera, get, rfc3339, send } from './client';

export interface Snapshot {
  id: string;
  camera: string;
  /** When it began to be shown; RFC 3339, UTC. */
  time: string;
  /** null: taken by hand */
  event?: string | null;
}

/** Newest first. */
export interface SnapshotsPage {
  snapshots: Snapshot[];
  /** There may be more: ask for those before this one. */
  next: string | null;
}

export const snapshotsOf = async (event: string): Promise<Snapshot[]> =>
  (await get<{ snapshots: Snapshot[] }>(`/api/v1/snapshots?${new URLSearchParams({ event, limit: '1000' }).toString()}`)).snapshots;

export const snapshots = (query: Record<string, string>): Promise<SnapshotsPage> =>
  get<SnapshotsPage>(`/api/v1/snapshots?${new URLSearchParams(query).toString()}`);

const path = (id: string): string => `/api/v1/snapshots/${encodeURIComponent(id)}.jpg`;

/** For the browser. */
export const pictureUrl = (id: string): string => below(path(id));

export async function removeSnapshot(id: string): Promise<void> {
  await send(path(id), { method: 'DELETE' });
}

/** The newest picture of a camera, for the browser; another `look`: not the one it has. */
export const nowUrl = (id: string, look = 0): string => below(`${camera(id)}/snapshot.jpg?look=${look}`);

/** The recorded picture of a moment, in ms since 1970; `width`: at most so many pixels. */
export function momentUrl(id: string, stream: 'main' | 'sub', at: number, width?: number): string {
  const query = new URLSearchParams({ stream, at: rfc3339(at), ...(width === undefined ? {} : { width: String(width) }) });
  return `${camera(id)}/snapshot.jpg?${query.toString()}`;
}
