import { expect, test } from 'vitest';
import { MOST_WINDOWS, onPage, pagesOf, placeOf, put, regroup, roomFor, single, swap, without, type Panes } from './panes';

const wall = (...ids: (string | null)[]): Panes => ids.map((id) => (id === null ? null : single(id)));
const names = (panes: Panes): (string | null)[] => panes.map((pane) => pane?.cameras.join('+') ?? null);

test('a camera is put into a window, also one beyond the end', () => {
  expect(names(put(wall('a'), 3, single('b')))).toEqual(['a', null, null, 'b']);
  expect(names(put(wall('a', 'b'), 0, single('c')))).toEqual(['c', 'b']);
});

test('an emptied last window leaves nothing behind', () => {
  expect(names(put(wall('a', null, 'b'), 2, null))).toEqual(['a']);
});

test('windows change places, with an empty one too', () => {
  expect(names(swap(wall('a', 'b', 'c'), 0, 2))).toEqual(['c', 'b', 'a']);
  expect(names(swap(wall('a', 'b'), 0, 3))).toEqual([null, 'b', null, 'a']);
  const same = wall('a');
  expect(swap(same, 0, 0)).toBe(same);
});

test('no wall grows without end', () => {
  expect(put([], MOST_WINDOWS + 5, single('a'))).toHaveLength(MOST_WINDOWS);
});

test('a camera without a place goes to the first empty window of the page', () => {
  expect(roomFor(wall('a', null, 'b'), 0)).toBe(1);
  expect(roomFor(wall('a', null, 'b'), 2)).toBe(3);
  expect(roomFor([], 4)).toBe(4);
});

test('a group grows, has each camera once, and ends empty', () => {
  const two = regroup(single('a'), 'b', true);
  expect(two?.cameras).toEqual(['a', 'b']);
  expect(regroup(two, 'a', true)?.cameras).toEqual(['b', 'a']);
  expect(regroup(regroup(two, 'a', false), 'b', false)).toBeNull();
  expect(regroup(null, 'c', true)?.cameras).toEqual(['c']);
});

test('cameras that are gone leave their windows', () => {
  const panes: Panes = [single('a'), { ...single('b'), cameras: ['b', 'c'] }, single('c')];
  expect(names(without(panes, new Set(['b'])))).toEqual([null, 'b']);
});

test('what does not fit is on the next page', () => {
  const panes = wall('a', 'b', 'c', 'd', 'e');
  expect(pagesOf(panes, 4)).toBe(2);
  expect(names(onPage(panes, 4, 1))).toEqual(['e', null, null, null]);
  expect(pagesOf([], 4)).toBe(1);
});

test('a window that is meant is found where its cameras are, also a group that has lost one', () => {
  const windows = [single('a'), null, { ...single('b'), cameras: ['b', 'c'] }, single('a')];
  expect(placeOf(windows, { place: 3, cameras: ['a'] })).toBe(3);
  expect(placeOf(windows, { place: 2, cameras: ['a'] })).toBe(0);
  expect(placeOf(windows, { place: 0, cameras: ['x', 'c'] })).toBe(2);
  expect(placeOf(windows, { place: 0, cameras: ['x'] })).toBeNull();
  expect(placeOf(windows, { place: 1, cameras: [] })).toBe(1);
});
