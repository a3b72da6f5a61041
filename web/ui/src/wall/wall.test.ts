import { beforeEach, expect, test, vi } from 'vitest';
import type { Camera } from '../api/types';

/** This browser's memory. */
const memory = vi.hoisted(() => {
  const map = new Map<string, string>();
  const store = { getItem: (key: string) => map.get(key) ?? null, setItem: (key: string, value: string) => void map.set(key, value), removeItem: (key: string) => void map.delete(key) };
  Object.assign(globalThis, { localStorage: store, sessionStorage: store, addEventListener: () => {}, document: { hidden: false, addEventListener: () => {} } });
  return map;
});

import { recorder } from '../state/recorder.svelte';
import { session } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';
import { presets } from './kept.svelte';
import { single } from './panes';
import { json } from './presets';
import { wall } from './wall.svelte';

const there = (...ids: string[]): void => void (recorder.cameras = ids.map((id) => ({ id, name: id, streams: {} }) as unknown as Camera));
const shown = (): (string | null)[] => wall.windows.map((pane) => pane?.cameras.join('+') ?? null);
const signedIn = (name: string): void => {
  session.user = { name } as typeof session.user;
  wall.restore(false);
};

let people = 0;
beforeEach(() => {
  memory.clear();
  toasts.all = [];
  there('a', 'b', 'c', 'd');
  signedIn(`person ${++people}`);
});

async function keep(id: string, ...cameras: string[]): Promise<void> {
  const body = json({ kind: 'wall', count: 4, panes: cameras.map(single), wish: 'auto', follow: false });
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json([{ id, name: id, body, shared: false, owner: 'x', revision: '1' }])));
  await presets.load();
  expect(presets.find(id)).toBeDefined();
}

test('an arrangement that was not saved can be had back after a preset, or all cameras, took its place', async () => {
  await keep('yard', 'd', 'c');
  for (const replace of [() => wall.recall('yard', 0), () => wall.showAll()]) {
    wall.showAll();
    toasts.all = [];
    wall.swap(0, 3);
    replace();
    expect(shown()).not.toEqual(['d', 'b', 'c', 'a']);
    expect(toasts.all).toHaveLength(1);
    toasts.all[0]?.action?.run();
    expect(shown()).toEqual(['d', 'b', 'c', 'a']);
    expect(wall.edited).toBe(true);
    expect(JSON.stringify([...memory.values()])).toContain('edited\\":true');
  }
});

test('emptied windows can be filled again as they were; what is saved is replaced without a word', async () => {
  wall.clear();
  expect(shown()).toEqual([null, null, null, null]);
  toasts.all[0]?.action?.run();
  expect(shown()).toEqual(['a', 'b', 'c', 'd']);
  expect(wall.follow).toBe(true);
  toasts.all = [];
  await keep('yard', 'd', 'c');
  wall.recall('yard', 0);
  wall.showAll();
  expect(toasts.all).toEqual([]);
});

test('nobody gets back what somebody else had', () => {
  wall.clear();
  const [toast] = toasts.all;
  signedIn('somebody else');
  wall.swap(0, 1);
  toast?.action?.run();
  expect(shown()).toEqual(['b', 'a', 'c', 'd']);
});

test('a preset that was only looked at leaves the wall as it was', async () => {
  await keep('yard', 'd', 'c');
  wall.swap(0, 1);
  wall.restore(true);
  wall.recall('yard', 0);
  expect(shown()).toEqual(['d', 'c', null, null]);
  wall.restore(false);
  expect(shown()).toEqual(['b', 'a', 'c', 'd']);
  expect(toasts.all).toEqual([]);
});

test('what is enlarged, heard and chosen goes with its camera, and ends with it', () => {
  wall.enlarge(1, 0);
  wall.loud.choose(2, 'c');
  there('b', 'c', 'd');
  expect([wall.full.place, wall.loud.place, wall.selected]).toEqual([0, 1, 0]);
  wall.swap(0, 2);
  expect([wall.full.place, wall.loud.place, wall.selected]).toEqual([2, 1, 2]);
  there('c', 'd', 'e');
  wall.forgetGone(0);
  expect(wall.full.place).toBeNull();
  expect(wall.loud.is(1, 'c')).toBe(true);
  there('b', 'c', 'd');
  expect(wall.full.place).toBeNull();
});

test('a sequence that waits for an enlarged window goes on when that is gone', () => {
  wall.split(1);
  wall.startTour('pages', null, 10, 0);
  wall.enlarge(0, 1_000);
  expect(wall.tour?.turns.pausedAt).toBe(1_000);
  there('b', 'c', 'd');
  wall.forgetGone(5_000);
  expect(wall.tour?.turns.pausedAt).toBeNull();
});

test('another page has the keys where the last one had them, whatever it shows', () => {
  there('a', 'b', 'c', 'd', 'e', 'f', 'g');
  wall.split(4);
  wall.select(2);
  wall.turn(1);
  expect([wall.page, wall.selected]).toEqual([1, 2]);
});

test('a window that is emptied keeps the keys, though its camera stands elsewhere too', () => {
  wall.put(3, single('a'));
  wall.select(0);
  wall.put(0, null);
  expect(wall.selected).toBe(0);
});
