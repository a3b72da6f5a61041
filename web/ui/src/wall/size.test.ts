import { expect, test } from 'vitest';
import { sizeFor } from './size';

test('small windows take the sub-stream, large, full and zoomed ones the main stream', () => {
  expect(sizeFor('auto', 'auto', 480, 1, false)).toBe('small');
  expect(sizeFor('auto', 'auto', 1280, 1, false)).toBe('large');
  expect(sizeFor('auto', 'auto', 480, 3, false)).toBe('large');
  expect(sizeFor('auto', 'auto', 390, 1, true)).toBe('large');
});

test('a wish counts more: the own one before the one for all', () => {
  expect(sizeFor('auto', 'main', 100, 1, false)).toBe('large');
  expect(sizeFor('sub', 'main', 2_000, 4, true)).toBe('small');
});
