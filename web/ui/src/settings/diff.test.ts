import { expect, test } from 'vitest';
import { diff, hunks } from './diff';

const marks = (before: string, after: string): string => diff(before, after).map(({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`).join('|');

test('what stays, goes and comes', () => {
  expect(marks('a\nb\nc', 'a\nx\nc')).toBe(' a|-b|+x| c');
  expect(marks('a\nb\nc\nd', 'b\nd\ne')).toBe('-a| b|-c| d|+e');
  expect(marks('a', 'a')).toBe(' a');
});

test('only what differs, with its surroundings', () => {
  const before = Array.from({ length: 20 }, (_, at) => String(at)).join('\n');
  const shown = hunks(diff(before, before.replace('\n10\n', '\nten\n')), 1);
  expect(shown.map((line) => line?.text ?? '…')).toEqual(['…', '9', '10', 'ten', '11', '…']);
  expect(hunks(diff(before, before))).toEqual([]);
});
