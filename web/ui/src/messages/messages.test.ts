import { expect, test } from 'vitest';
import { en } from './en';
import { pick, type Messages } from './index';

test('a catalogue that lacks a key does not compile', () => {
  const { product: _, ...rest } = en;
  // @ts-expect-error `product` is missing
  const incomplete: Messages = rest;
  expect(incomplete).toBeDefined();
});

test('the reader’s first known language, else English', () => {
  expect(pick(['xx', 'en-GB'])).toBe('en');
  expect(pick([])).toBe('en');
});
