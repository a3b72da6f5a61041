import { expect, test } from 'vitest';
import { MasterClock } from './master_clock';
import { Patience } from './patience';

test('the clock runs at its speed, and stands while held', () => {
  const clock = new MasterClock(1_000_000);
  expect(clock.time(500)).toBe(1_000_000);
  clock.run(500);
  expect(clock.time(1500)).toBe(1_001_000);
  clock.setSpeed(4, 1500);
  expect(clock.time(2500)).toBe(1_005_000);
  clock.hold(2500);
  expect(clock.time(9000)).toBe(1_005_000);
  clock.run(9000);
  clock.seek(2_000_000, 9100);
  expect(clock.time(9200)).toBe(2_000_400);
});

test('running twice does not set it back', () => {
  const clock = new MasterClock(0);
  clock.run(0);
  clock.run(1000);
  expect(clock.time(2000)).toBe(2000);
});

test('a stalled camera is waited for, but not for long, and the others go on', () => {
  const patience = new Patience();
  const all = ['a', 'b'];
  expect(patience.wait(all, new Set(), 0)).toBe(false);
  expect(patience.wait(all, new Set(['b']), 20_000)).toBe(true);
  expect(patience.wait(all, new Set(['b']), 22_900)).toBe(true);
  expect(patience.wait(all, new Set(['b']), 23_100)).toBe(false);
  // It is back and stalls again at once: not waited for.
  expect(patience.wait(all, new Set(), 24_000)).toBe(false);
  expect(patience.wait(all, new Set(['b']), 25_000)).toBe(false);
  // It kept up for long: waited for again.
  expect(patience.wait(all, new Set(), 26_000)).toBe(false);
  expect(patience.wait(all, new Set(), 37_000)).toBe(false);
  expect(patience.wait(all, new Set(['b']), 38_000)).toBe(true);
});

test('after a jump everybody is waited for longer, and anew', () => {
  const patience = new Patience();
  patience.jump(0);
  expect(patience.wait(['a'], new Set(['a']), 100)).toBe(true);
  expect(patience.wait(['a'], new Set(['a']), 5_000)).toBe(true);
  expect(patience.wait(['a'], new Set(['a']), 6_200)).toBe(false);
  patience.jump(7_000);
  expect(patience.wait(['a'], new Set(['a']), 7_100)).toBe(true);
});
