import { expect, test } from 'vitest';
import { correction, offWhileStill } from './follow';
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

test('small errors are nudged away, large ones jumped over', () => {
  expect(correction(3, 1)).toEqual({ kind: 'rate', rate: 1 });
  const ahead = correction(100, 1);
  expect(ahead.kind === 'rate' && ahead.rate).toBeCloseTo(0.88);
  const behind = correction(-100, 1);
  expect(behind.kind === 'rate' && behind.rate).toBeCloseTo(1.12);
  expect(correction(-900, 1)).toEqual({ kind: 'seek' });
  // The same footage is a smaller error to the viewer at 4×.
  expect(correction(-900, 4).kind).toBe('rate');
  expect(correction(-9000, 16)).toEqual({ kind: 'rate', rate: 16 });
});

test('a nudged video reaches the clock and stays there', () => {
  for (const speed of [0.125, 1, 4]) {
    let error = 500 * speed;
    for (let tick = 0; tick < 100; tick++) {
      const step = correction(error, speed);
      if (step.kind === 'seek') error = 0;
      else error += (step.rate - speed) * 100;
    }
    expect(Math.abs(error / speed)).toBeLessThan(9);
  }
});

test('a picture that stands still is right to a few milliseconds', () => {
  expect(offWhileStill(4)).toBe(false);
  expect(offWhileStill(-40)).toBe(true);
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
