import { expect, test } from 'vitest';
import type { Snapshot } from '../api/snapshots';
import { besides, placeOf, refreshed } from './pictures';

/** Of the nth second. */
const picture = (n: number): Snapshot => ({ id: `p${n}`, camera: 'gate', time: new Date(n * 1000).toISOString() });
const list = (...ns: number[]): Snapshot[] => ns.map(picture);
const ids = (pictures: readonly (Snapshot | null)[]): (string | null)[] => pictures.map((one) => one?.id ?? null);

test('a picture is known by its id, wherever the list has shifted it', () => {
  expect(placeOf(list(9, 8, 7), picture(8))).toBe(1);
  expect(placeOf(list(11, 10, 9, 8, 7), picture(8))).toBe(3);
  expect(ids([besides(list(9, 8, 7), picture(8), -1), besides(list(9, 8, 7), picture(8), 1)])).toEqual(['p9', 'p7']);
  expect(ids([besides(list(9, 8), picture(9), -1), besides(list(9, 8), picture(8), 1)])).toEqual([null, null]);
});

test('beside one that has left the list are those that stood beside it, in either order', () => {
  for (const [pictures, before, after] of [[list(9, 7), 'p9', 'p7'], [list(7, 9), 'p7', 'p9'], [list(7), 'p7', null], [list(), null, null]] as const) {
    expect(ids([besides(pictures, picture(8), -1), besides(pictures, picture(8), 1)])).toEqual([before, after]);
  }
  expect(ids([besides(list(9, 8), picture(10), -1), besides(list(9, 8), picture(1), 1)])).toEqual([null, null]);
});

test('newer pictures come before the older pages that were there', () => {
  const page = (next: string | null, ...ns: number[]) => ({ snapshots: list(...ns), next });
  const fresh = refreshed(list(9, 8, 7, 6, 5, 4), 'p4', page('p8', 11, 10, 8));
  expect([ids(fresh.snapshots), fresh.next]).toEqual([['p11', 'p10', 'p8', 'p7', 'p6', 'p5', 'p4'], 'p4']);
  // With a gap between, or when nothing is older, what was there tells nothing.
  expect(refreshed(list(9, 8), 'p8', page('p20', 22, 21, 20))).toEqual(page('p20', 22, 21, 20));
  expect(refreshed(list(9, 8, 7), 'p7', page(null, 9, 8))).toEqual(page(null, 9, 8));
  expect(refreshed(list(9, 8), null, page('p8', 10, 9, 8)).next).toBe('p8');
});
