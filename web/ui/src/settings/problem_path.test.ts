import { expect, test } from 'vitest';
import { fieldOf, spotOf, within } from './problem_path';

const fault = (path: string) => ({ line: 1, path, text: 'wrong' });

test('the parts of a path', () => {
  expect(spotOf('camera[2] "gate".main.url')).toEqual({ table: 'camera', index: 2, id: 'gate', field: 'main.url' });
  expect(spotOf('camera[2] "gate"')).toEqual({ table: 'camera', index: 2, id: 'gate', field: '' });
  expect(spotOf('rule[1] "night".from[0]').field).toBe('from[0]');
  expect(spotOf('server.http')).toEqual({ table: 'server', index: null, id: null, field: 'http' });
  expect(spotOf('camera[0].id').field).toBe('id');
  expect(spotOf('')).toEqual({ table: '', index: null, id: null, field: '' });
});

test('a fault belongs to the form of its entry only', () => {
  const place = { table: 'camera', id: 'gate' } as const;
  expect(within(place, fault('camera[2] "gate".main.url'))).toBe('main.url');
  expect(within(place, fault('camera[1] "yard".main.url'))).toBeNull();
  expect(within(place, fault('rule[0] "gate".on'))).toBeNull();
  expect(within(null, fault('camera[2] "gate".record.motion'))).toBe('camera[2].record.motion');
});

test('told at the nearest field that holds it', () => {
  const fields = ['main.url', 'main.transport', 'from', 'headers'];
  expect(fieldOf('main.url', fields)).toBe('main.url');
  expect(fieldOf('from[3]', fields)).toBe('from');
  expect(fieldOf('headers.Authorization', fields)).toBe('headers');
  expect(fieldOf('main', fields)).toBeNull();
  expect(fieldOf('main.url_more', fields)).toBeNull();
});
