import { expect, test } from 'vitest';
import { move, type Position } from './latency';

const at = (time: number, more: Partial<Position> = {}): Position => ({
  time,
  ranges: [{ start: 0, end: 10 }],
  rate: 1,
  target: 0.2,
  step: 0.04,
  ...more,
});

test('near the edge nothing is done', () => {
  expect(move(at(9.75))).toEqual({ seek: null, rate: 1 });
});

test('a little behind: hurries, until it has caught up', () => {
  expect(move(at(9.4))).toEqual({ seek: null, rate: 1.1 });
  expect(move(at(9.7, { rate: 1.1 }))).toEqual({ seek: null, rate: 1.1 });
  expect(move(at(9.8, { rate: 1.1 }))).toEqual({ seek: null, rate: 1 });
});

test('more than a second behind: jumps', () => {
  expect(move(at(0))).toEqual({ seek: 9.8, rate: 1 });
});

test('a hole that nothing will fill is jumped over', () => {
  const ranges = [
    { start: 0, end: 5 },
    { start: 5.4, end: 5.6 },
  ];
  expect(move(at(5, { ranges })).seek).toBeCloseTo(5.4);
  expect(move(at(4.9, { ranges })).seek).toBeNull();
});

test('one picture per second is not chased', () => {
  expect(move(at(8.7, { step: 1 }))).toEqual({ seek: null, rate: 1 });
});

test('nothing buffered, nothing to do', () => {
  expect(move(at(0, { ranges: [] }))).toEqual({ seek: null, rate: 1 });
});
