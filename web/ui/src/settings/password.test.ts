import { expect, test } from 'vitest';
import { strength } from './password';

test('longer and more mixed is better; names and common words count for nothing', () => {
  expect(strength('abc')).toBe('short');
  expect(strength('password1')).toBe('weak');
  expect(strength('demodemo', 'demo')).toBe('weak');
  expect(strength('aaaaaaaaaaaaaaaa')).toBe('weak');
  expect(strength('correct horse battery staple')).toBe('good');
  expect(strength('kT9#vQ2!xL7z')).toBe('good');
});
