import { expect, test } from 'vitest';
import { begin, dueIn, pause, resume, step, tick } from './turns';

test('each is shown for as long', () => {
  const turns = begin(3, 10_000, 0);
  expect(tick(turns, 9_999).at).toBe(0);
  expect(tick(turns, 10_000).at).toBe(1);
  expect(dueIn(turns, 4_000)).toBe(6_000);
});

test('after a long sleep the next comes, not a burst', () => {
  const woken = tick(begin(3, 10_000, 0), 3_600_000);
  expect(woken.at).toBe(1);
  expect(dueIn(woken, 3_600_000)).toBe(10_000);
});

test('one alone never changes', () => {
  expect(dueIn(begin(1, 1_000, 0), 99_999)).toBeNull();
  expect(step(begin(0, 1_000, 0), 1, 5).at).toBe(0);
});

test('a pause keeps what was left', () => {
  const paused = pause(begin(2, 10_000, 0), 7_000);
  expect(tick(paused, 60_000)).toBe(paused);
  const again = resume(paused, 60_000);
  expect(dueIn(again, 60_000)).toBe(3_000);
  expect(pause(paused, 8_000)).toBe(paused);
});

test('stepping by hand goes round, also while paused', () => {
  const turns = begin(3, 10_000, 0);
  expect(step(turns, -1, 1).at).toBe(2);
  const paused = step(pause(turns, 5), 1, 9);
  expect([paused.at, dueIn(paused, 99_000)]).toEqual([1, null]);
  expect(dueIn(resume(paused, 20), 20)).toBe(10_000);
});
