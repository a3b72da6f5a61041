import { expect, test } from 'vitest';
import type { Cause, Recordings } from '../api/types';
import { bandsOf } from './causes';

const T0 = Date.parse('2026-11-20T10:00:00Z');
const s = (seconds: number): number => T0 + seconds * 1000;
const iso = (seconds: number): string => new Date(s(seconds)).toISOString();
const segment = (from: number, to: number, ...causes: Cause[]) => ({ start: iso(from), end: iso(to), bytes: 1, causes });
const mark = (from: number, to: number | null, cause: Cause) => ({ start: iso(from), end: to === null ? null : iso(to), cause });
const hour = { from: s(0), to: s(3600) };

function bands(segments: Recordings['segments'], marks: Recordings['marks'] = []): string[] {
  const seconds = (time: number): number => (time - T0) / 1000;
  return bandsOf({ segments, gaps: [], marks }, hour).map(({ from, to, causes }) => `${seconds(from)}-${seconds(to)} ${causes.join('+')}`);
}

test('without marks the files say why, end to end as one band', () => {
  const files = [
    segment(-30, 30, 'schedule'),
    segment(30.04, 90, 'schedule'),
    segment(90, 150, 'schedule', 'motion'),
    segment(200, 260, 'schedule'),
  ];
  expect(bands(files)).toEqual(['0-90 schedule', '90-150 motion+schedule', '200-260 schedule']);
});

test('marks say to the second why, the gravest first', () => {
  const files = [segment(0, 60, 'schedule', 'motion', 'sensor'), segment(60, 120, 'schedule', 'sensor')];
  const marks = [mark(-100, null, 'schedule'), mark(20, 50, 'motion'), mark(40, 70, 'sensor')];
  expect(bands(files, marks)).toEqual([
    '0-20 schedule',
    '20-40 motion+schedule',
    '40-50 sensor+motion+schedule',
    '50-70 sensor+schedule',
    '70-120 schedule',
  ]);
});

test('a mark colours footage only, never a time without any', () => {
  const marks = [mark(0, null, 'manual')];
  expect(bands([segment(100, 160, 'manual'), segment(300, 360, 'manual')], marks)).toEqual(['100-160 manual', '300-360 manual']);
  expect(bands([], marks)).toEqual([]);
});

test('footage at the edge of a mark belongs to it', () => {
  expect(bands([segment(98.6, 131.4, 'sensor')], [mark(100, 130, 'sensor')])).toEqual(['98.6-131.4 sensor']);
  const two = [mark(100, 110, 'sensor'), mark(112, 130, 'motion')];
  expect(bands([segment(100, 130, 'sensor', 'motion')], two)).toEqual(['100-112 sensor', '112-130 motion']);
});

test('a mark split at the full hour is one band', () => {
  const marks = [mark(-1800, 1800, 'schedule'), mark(1800, null, 'schedule')];
  expect(bands([segment(1700, 1760, 'schedule'), segment(1760, 1900, 'schedule')], marks)).toEqual(['1700-1900 schedule']);
});
