import { expect, test } from 'vitest';
import type { Version } from '../api/config';
import { removedBy } from './removed';

const version = (at: string, by: string | null, ...changes: string[]): Version => ({ id: at, at, by, changes, current: false });

test('the last one to remove an entry is named, and nobody else', () => {
  const versions = [
    version('2026-03-01T00:00:00Z', 'ann', 'camera gate: removed, its footage stays'),
    version('2026-03-03T00:00:00Z', 'bob', 'camera gate: removed, its footage stays', 'input door: removed'),
    version('2026-03-04T00:00:00Z', 'cid', 'camera gate-2: removed, its footage stays', 'rules'),
  ];
  expect(removedBy(versions, { table: 'camera', id: 'gate' })).toBe('bob');
  expect(removedBy(versions, { table: 'input', id: 'door' })).toBe('bob');
  expect(removedBy(versions, { table: 'rule', id: 'night' })).toBeNull();
  expect(removedBy([version('2026-03-01T00:00:00Z', null, 'input door: removed')], { table: 'input', id: 'door' })).toBeNull();
});
