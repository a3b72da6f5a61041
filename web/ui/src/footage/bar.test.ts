import { expect, test } from 'vitest';
import type { Cause, GapCause } from '../api/types';
import { Zone } from '../playback/zone';
import { barModel, fraction, holeAt, startOfPlay, ticks, timeAt } from './bar';

const T0 = Date.parse('2026-11-20T10:00:00Z');
const s = (seconds: number): number => T0 + seconds * 1000;
const iso = (seconds: number): string => new Date(s(seconds)).toISOString();
const segment = (from: number, to: number, ...causes: Cause[]) => ({ start: iso(from), end: iso(to), bytes: 1, causes });
const gap = (from: number, to: number | null, cause: GapCause) => ({
  start: iso(from),
  end: to === null ? null : iso(to),
  cause,
});
const hour = { from: s(0), to: s(3600) };

test('an open gap lasts until now, one outside is not shown', () => {
  const { holes } = barModel({ segments: [], gaps: [gap(-90, -30, 'crash'), gap(3000, null, 'camera_offline')], marks: [] }, hour);
  expect(holes).toEqual([{ from: s(3000), to: s(3600), cause: 'camera_offline', open: true }]);
});

test('playing starts where there is something to see', () => {
  const model = barModel(
    { segments: [segment(100, 500, 'schedule'), segment(600, 1000, 'schedule')], gaps: [gap(200, 210, 'network'), gap(500, 600, 'stalled')], marks: [] },
    hour,
  );
  expect(startOfPlay(model, s(150))).toBe(s(150));
  expect(startOfPlay(model, s(20))).toBe(s(100));
  expect(startOfPlay(model, s(205))).toBe(s(210));
  expect(startOfPlay(model, s(550))).toBe(s(600));
  expect(startOfPlay(model, s(2000))).toBe(s(998));
  expect(startOfPlay({ bands: [], holes: [] }, s(1))).toBeNull();
  expect(holeAt(model, s(205))?.cause).toBe('network');
});

test('times and places on the bar are each other’s inverse, and stay on it', () => {
  expect(fraction(s(900), hour)).toBe(0.25);
  expect(timeAt(0.25, hour)).toBe(s(900));
  expect(fraction(s(-5), hour)).toBe(0);
  expect(timeAt(2, hour)).toBe(hour.to);
});

test('marks stand at round minutes of the zone, clear of the edges', () => {
  const shown = (name: string): number[] => {
    const zone = new Zone(name);
    return ticks({ from: s(61), to: s(3661) }, 10, zone).map(({ time }) => zone.wall(time).minute);
  };
  expect(shown('Europe/Paris')).toEqual([10, 20, 30, 40, 50]);
  expect(shown('Asia/Kathmandu')).toEqual([50, 0, 10, 20, 30, 40]);
});
