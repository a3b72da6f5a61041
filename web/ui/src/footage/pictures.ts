/** Lists of stored pictures that change while one of them is looked at. Pure. */

import type { Snapshot, SnapshotsPage } from '../api/snapshots';

const timeOf = ({ time }: Snapshot): number => Date.parse(time);

export const placeOf = (pictures: readonly Snapshot[], { id }: Snapshot): number => pictures.findIndex((one) => one.id === id);

/** The one before (-1) or after (1) in the list's order; beside one that has left the list, by time. `null`: there is none. */
export function besides(pictures: readonly Snapshot[], picture: Snapshot, by: 1 | -1): Snapshot | null {
  const at = placeOf(pictures, picture);
  if (at >= 0) return pictures[at + by] ?? null;
  const [first, last] = [pictures[0], pictures.at(-1)];
  if (!first || !last) return null;
  const newestFirst = timeOf(first) > timeOf(last);
  const after = pictures.findIndex((one) => (newestFirst ? timeOf(one) < timeOf(picture) : timeOf(one) > timeOf(picture)));
  const stood = after < 0 ? pictures.length : after;
  return pictures[by > 0 ? stood : stood - 1] ?? null;
}

/** The first page asked for anew, and the older pages that were there, where they follow on it without a gap. */
export function refreshed(pictures: readonly Snapshot[], next: string | null, page: SnapshotsPage): SnapshotsPage {
  const last = page.snapshots.at(-1);
  const at = last && page.next !== null ? placeOf(pictures, last) : -1;
  return at < 0 ? page : { snapshots: [...page.snapshots, ...pictures.slice(at + 1)], next: at === pictures.length - 1 ? page.next : next };
}
