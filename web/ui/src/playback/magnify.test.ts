import { expect, test } from 'vitest';
import { magnify, move, WHOLE } from './magnify';

test('what is under the pointer stays there', () => {
  const lens = magnify(WHOLE, 2, 0.25, 0.5);
  expect(lens).toEqual({ factor: 2, x: -0.25, y: -0.5 });
  expect((0.25 - lens.x) / lens.factor).toBeCloseTo(0.25);
});

test('the picture never leaves its window, and is never smaller than it', () => {
  expect(move(magnify(WHOLE, 2, 0, 0), 5, -5)).toEqual({ factor: 2, x: 0, y: -1 });
  expect(magnify(magnify(WHOLE, 3, 0.9, 0.9), 0.1, 0.1, 0.1)).toEqual(WHOLE);
  expect(magnify(WHOLE, 99, 0.5, 0.5).factor).toBe(8);
});
