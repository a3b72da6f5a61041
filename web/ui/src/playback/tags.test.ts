import { expect, test } from 'vitest';
import type { Tag } from '../api/tags';
import { chosen, fault, marksOf, withoutTag, withTag } from './tags';

const tag = (id: string, at: string, text: string, camera: string | null = null): Tag => ({ id, at, text, camera, by: 'ann', created: at });
const all = [
  tag('b', '2026-11-20T10:00:00Z', 'Delivery of the café', 'gate'),
  tag('a', '2026-11-20T09:00:00.500Z', 'Broken window', 'yard'),
  tag('c', '2026-11-21T09:00:00Z', 'Power cut'),
];
const ids = (tags: readonly Tag[]): string => tags.map(({ id }) => id).join('');

test('tags of the chosen cameras and of all, by time', () => {
  expect(ids(chosen(all, ['gate', 'yard'], ''))).toBe('abc');
  expect(ids(chosen(all, ['gate'], ''))).toBe('bc');
});

test('every word is looked for, without case and accents', () => {
  expect(ids(chosen(all, ['gate'], ' CAFE deliv '))).toBe('b');
  expect(ids(chosen(all, ['gate'], 'cafe window'))).toBe('');
});

test('a tag is changed in its place, or gone', () => {
  expect(withTag(all, { ...all[0]!, text: 'x' }).find(({ id }) => id === 'b')?.text).toBe('x');
  expect(withTag(all, { ...all[0]!, text: 'x' })).toHaveLength(3);
  expect(ids(withoutTag(all, 'b'))).toBe('ac');
  expect(marksOf(all)[1]?.time).toBe(Date.UTC(2026, 10, 20, 9, 0, 0, 500));
});

test('neither nothing nor a novel', () => {
  expect(fault('  ', 120)).toBe('empty');
  expect(fault('é'.repeat(120), 120)).toBeNull();
  expect(fault('x'.repeat(121), 120)).toBe('long');
});
