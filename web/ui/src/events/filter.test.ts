import { expect, test } from 'vitest';
import { admits, EVERYTHING, filterOf, isNarrow, query, type EventFilter } from './filter';
import { event, iso, s } from './sample';

const only = (change: Partial<EventFilter>): EventFilter => ({ ...EVERYTHING, ...change });

test('an address says the filter, and back', () => {
  const filter = { kind: 'motion', camera: 'gate', alarms: true, from: s(0), to: s(60) };
  expect(filterOf(new URLSearchParams(query(filter)).toString())).toEqual(filter);
  expect(filterOf('?from=yesterday&kind=')).toEqual(EVERYTHING);
  expect(isNarrow(EVERYTHING)).toBe(false);
  expect(isNarrow(only({ alarms: true }))).toBe(true);
});

test('kind, camera and gravity', () => {
  const motion = event('a', 0, 10);
  const stream = event('b', 0, 10, { kind: 'stream_offline', source: 'stream:gate/sub', severity: 'alarm' });
  const listed = event('c', 0, 10, { source: 'disk:d1', payload: { cameras: ['gate'] } });
  expect(admits(only({ kind: 'motion' }), motion)).toBe(true);
  expect(admits(only({ kind: 'sensor' }), motion)).toBe(false);
  expect([motion, stream, listed].every((one) => admits(only({ camera: 'gate' }), one))).toBe(true);
  expect(admits(only({ camera: 'yard' }), motion)).toBe(false);
  expect(admits(only({ alarms: true }), stream)).toBe(true);
  expect(admits(only({ alarms: true }), motion)).toBe(false);
});

test('times as the recorder counts them: what touches them', () => {
  const between = only({ from: s(100), to: s(200) });
  const touching: [number, number | null][] = [[50, 101], [50, null], [100, 100], [199, 400]];
  const apart: [number, number | null][] = [[50, 100], [50, 50], [200, 300]];
  for (const [start, end] of touching) expect(admits(between, event('a', start, end)), iso(start)).toBe(true);
  for (const [start, end] of apart) expect(admits(between, event('a', start, end)), iso(start)).toBe(false);
});
