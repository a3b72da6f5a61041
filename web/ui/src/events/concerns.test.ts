import { expect, test } from 'vitest';
import type { Output } from '../api/alarms';
import type { Camera, CameraState } from '../api/types';
import { concerns, marksOf, type Now } from './concerns';
import { action, event } from './sample';

const camera = (id: string, state: CameraState, more: Partial<Camera> = {}): Camera => ({
  id, name: id, state, error: null, streams: {}, recording: [], not_recording: null, motion: { watching: false, moving: false, skipped: 0, error: null }, ...more,
});
const nothing: Now = { going: [], moments: [], cameras: [], outputs: [] };
const keys = (now: Partial<Now>): string[] => concerns({ ...nothing, ...now }).map(({ key }) => key);

test('the gravest first, what goes on before what is over', () => {
  const going = [event('m', 90, null), event('d', 50, null, { kind: 'sensor', source: 'input:door', severity: 'alarm' })];
  const moments = [
    event('f', 70, 70, { kind: 'footage_deleted', source: 'house', severity: 'alarm' }),
    event('w', 60, 60, { kind: 'disk_full', source: 'disk:d1', severity: 'warning' }),
  ];
  expect(keys({ going, moments })).toEqual(['sensor input:door', 'footage_deleted house', 'disk_full disk:d1', 'motion camera:gate']);
});

test('both streams of a camera are one concern, since the first', () => {
  const lost = (id: string, start: number, stream: string) =>
    event(id, start, null, { kind: 'stream_offline', source: `stream:gate/${stream}`, severity: 'alarm' });
  const [one, ...others] = concerns({ ...nothing, going: [lost('b', 20, 'sub'), lost('a', 10, 'main')], cameras: [camera('gate', 'offline')] });
  expect(others).toEqual([]);
  expect(one).toMatchObject({ key: 'stream_offline camera:gate', since: Date.parse('2026-11-20T10:00:10Z') });
});

test('what no event tells, cameras and outputs tell by themselves', () => {
  const siren: Output = { id: 'siren', name: 'Siren', enabled: true, kind: 'http', wanted: true, on: null, since: null, error: 'refused' };
  expect(
    keys({
      cameras: [camera('a', 'misconfigured'), camera('b', 'live', { not_recording: 'no disk' }), camera('c', 'disabled'), camera('d', 'live')],
      outputs: [siren, { ...siren, id: 'off', enabled: false }],
    }),
  ).toEqual(['misconfigured camera:a', 'not_recorded camera:b', 'output_failed output:siren']);
  const blind = camera('e', 'live', { motion: { watching: true, moving: false, skipped: 0, error: 'no decoder' } });
  const told = event('x', 0, null, { kind: 'motion_blind', source: 'camera:e', severity: 'warning' });
  expect(keys({ cameras: [blind] })).toEqual(['motion_blind camera:e']);
  expect(keys({ cameras: [blind], going: [told] }), 'once').toEqual(['motion_blind camera:e']);
});

test('a camera is marked by its own motion, and by inputs that record it', () => {
  const door = event('d', 0, null, { kind: 'sensor', source: 'input:door', actions: [action('record', 'gate')] });
  const going = [door, event('m', 0, null), event('h', 0, null, { kind: 'manual' }), event('o', 0, null, { source: 'camera:hall' })];
  expect(marksOf('gate', going).map(({ id }) => id)).toEqual(['d', 'm']);
  expect(marksOf('hall', going).map(({ id }) => id)).toEqual(['o']);
});
