import { expect, test } from 'vitest';
import { idOf, isId } from './starting';

test('an id made of a name', () => {
  expect(idOf('Front gate')).toBe('front-gate');
  expect(idOf('  Café Ñandú (1) ')).toBe('cafe-nandu-1');
  expect(isId(idOf('Büro/2. OG'))).toBe(true);
  expect(isId('')).toBe(false);
  expect(isId('Gate')).toBe(false);
});
