import { expect, test } from 'vitest';
import { areaOf, between, full, inverted, paint, rowsOf, share } from './area';

test('rows become cells and rows again', () => {
  const rows = ['......', '..XXXX', 'XXXXXX'];
  expect(rowsOf(areaOf(rows))).toEqual(rows);
  expect(share(areaOf(rows))).toBeCloseTo(10 / 18);
});

test('everywhere is not written, and nothing written is everywhere', () => {
  expect(rowsOf(areaOf([]))).toBeUndefined();
  expect(share(areaOf([]))).toBe(1);
  expect(rowsOf(full(false, 1, 2))).toEqual(['..']);
});

test('a rectangle from any corner', () => {
  const drawn = paint(full(false, 3, 4), between([2, 3], [1, 1]), true);
  expect(rowsOf(drawn)).toEqual(['....', '.XXX', '.XXX']);
  expect(rowsOf(inverted(drawn))).toEqual(['XXXX', 'X...', 'X...']);
});

test('uneven rows are filled up', () => {
  expect(rowsOf(areaOf(['X', 'XX.']))).toEqual(['X..', 'XX.']);
});
