import { expect, test } from 'vitest';
import type { Recordings } from '../api/types';
import { columnsFor, replayStreams, speedName, tooMuch } from './choice';
import { FootageMap } from './footage_map';

const T = Date.UTC(2026, 10, 20, 9);
const iso = (s: number): string => new Date(T + s * 1000).toISOString();
const segment = (from: number, to: number): Recordings['segments'][number] => ({ start: iso(from), end: iso(to), bytes: 1, causes: ['schedule'] });
const map = new FootageMap(
  {
    segments: [segment(0, 60), segment(60.001, 120), segment(150, 200)],
    gaps: [{ start: iso(120), end: iso(150), cause: 'network' }, { start: iso(200), end: null, cause: 'camera_offline' }],
    marks: [],
  },
  { from: T - 60_000, to: T + 300_000 },
);
const next = (s: number, most = 20, until?: number): [number, number] | null => {
  const span = map.next(T + s * 1000, most * 1000, until === undefined ? undefined : T + until * 1000);
  return span && [(span.from - T) / 1000, (span.to - T) / 1000];
};

test('footage, gaps with their cause, and what is not known', () => {
  expect(map.at(T + 60_000).kind).toBe('footage');
  expect(map.at(T + 130_000)).toEqual({ kind: 'gap', cause: 'network' });
  expect(map.at(T + 250_000)).toEqual({ kind: 'gap', cause: 'camera_offline' });
  expect(map.at(T - 1_000)).toEqual({ kind: 'gap', cause: null });
  expect(map.at(T + 300_000).kind).toBe('unknown');
});

test('what is asked for next goes up to where a segment begins, and never over a gap', () => {
  expect(next(10)).toEqual([10, 30]);
  expect(next(42)).toEqual([42, 60.001]);
  expect(next(115)).toEqual([115, 120]);
  expect(next(119.95)).toEqual([150, 170]);
  expect(next(130, 20, 140)).toBeNull();
  expect(next(130, 20, 160)).toEqual([150, 170]);
  expect(next(200)).toBeNull();
});

test('no clip holds two formats', () => {
  const cut = map.cutAt(T + 70_000);
  expect(cut.next(T + 61_000, 20_000)).toEqual({ from: T + 61_000, to: T + 70_000 });
  expect(cut.next(T + 70_000, 20_000)).toEqual({ from: T + 70_000, to: T + 90_000 });
});

test('many windows take sub-streams, one alone the main one', () => {
  const stream = (width: number, codec = 'h264') => ({ state: 'live' as const, error: null, codec, width, height: (width * 9) / 16, fps: 25, bitrate_bps: null, audio: null });
  const camera = { id: 'a', name: 'A', state: 'live' as const, error: null, streams: { main: stream(1920), sub: stream(640) }, recording: [], not_recording: null, motion: { watching: false, moving: false, skipped: 0, error: null } };
  const all = (): boolean => true;
  expect(replayStreams(camera, 600, 9, all)).toEqual(['sub', 'main']);
  expect(replayStreams(camera, 1000, 9, all)).toEqual(['sub', 'main']);
  expect(replayStreams(camera, 1000, 4, all)).toEqual(['main', 'sub']);
  expect(replayStreams(camera, 600, 4, all)).toEqual(['sub', 'main']);
  expect(replayStreams(camera, 300, 1, all)).toEqual(['main', 'sub']);
  expect(replayStreams({ ...camera, streams: { main: stream(1920, 'h265'), sub: stream(640) } }, 1900, 1, ({ codec }) => codec === 'h264')).toEqual(['sub']);
  expect(tooMuch([stream(1920)], 1)).toBe(false);
  expect(tooMuch([stream(1920)], 8)).toBe(true);
  expect(tooMuch(Array.from({ length: 16 }, () => stream(640)), 1)).toBe(false);
  expect([0.125, 0.5, 1, 16].map(speedName)).toEqual(['1/8', '1/2', '1', '16']);
});

test('windows are as large as the stage allows', () => {
  expect(columnsFor(4, 1600, 900)).toBe(2);
  expect(columnsFor(16, 1400, 380)).toBe(6);
  expect(columnsFor(2, 600, 900)).toBe(1);
  expect(columnsFor(1, 600, 900)).toBe(1);
  expect(columnsFor(0, 0, 0)).toBe(1);
});
