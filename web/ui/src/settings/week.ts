/** Weeks as schedules write them and as a grid shows them: for each day, Monday first, spans in minutes. */

import type { Json, Table } from '../api/config';
import { t } from '../messages';

/** From the first minute up to, not with, the second. */
export type Span = readonly [number, number];
export type Week = readonly (readonly Span[])[];

export const DAY = 24 * 60;
export const KEYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
/** Keys that stand for several days; the recorder takes the most exact one. */
const SHARED = ['daily', 'weekdays', 'weekend'] as const;

const two = (value: number): string => String(value).padStart(2, '0');
export const clock = (minute: number): string => `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;

export function spansOf(text: string): Span | null {
  const [, h1, m1, h2, m2] = /^\s*(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\s*$/.exec(text) ?? [];
  const [from, to] = [Number(h1) * 60 + Number(m1), Number(h2) * 60 + Number(m2)];
  const wrong = Number.isNaN(from) || Number.isNaN(to) || Number(m1) > 59 || Number(m2) > 59 || from >= DAY || to > DAY;
  return wrong ? null : [from, to];
}

/** Sorted and apart. */
export function tidy(spans: readonly Span[]): Span[] {
  const apart: [number, number][] = [];
  for (const [from, to] of [...spans].sort((a, b) => a[0] - b[0])) {
    const last = apart.at(-1);
    if (from >= to) continue;
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else apart.push([from, to]);
  }
  return apart;
}

/** What a table of `[[schedule]]` says; times that cannot be read are left out. */
export function weekOf(table: Table): Week {
  const days: Span[][] = KEYS.map(() => []);
  KEYS.forEach((key, day) => {
    const keys = [key, day < 5 ? 'weekdays' : 'weekend', 'daily'];
    const list: Json | undefined = keys.map((one) => table[one]).find((one) => one !== undefined);
    for (const text of Array.isArray(list) ? list : []) {
      const span = spansOf(String(text));
      if (span === null) continue;
      const [from, to] = span;
      if (from < to) days[day]?.push([from, to]);
      else {
        // It goes on into the next day.
        days[day]?.push([from, DAY]);
        days[(day + 1) % 7]?.push([0, to]);
      }
    }
  });
  return days.map(tidy);
}

/** The keys of a table that say the same, as few as it takes. */
export function tableOf(week: Week): Record<string, string[]> {
  const written = week.map((spans) => spans.map(([from, to]) => `${clock(from)}-${clock(to)}`));
  const same = (days: readonly number[]): boolean => days.every((day) => String(written[day]) === String(written[days[0] ?? 0]));
  const found: Record<string, string[]> = {};
  const put = (key: string, day: number): void => {
    const times = written[day] ?? [];
    if (times.length > 0) found[key] = times;
  };
  if (same([0, 1, 2, 3, 4, 5, 6])) {
    put('daily', 0);
    return found;
  }
  if (same([0, 1, 2, 3, 4])) put('weekdays', 0);
  else for (const day of [0, 1, 2, 3, 4]) put(KEYS[day] ?? 'mon', day);
  if (same([5, 6])) put('weekend', 5);
  else for (const day of [5, 6]) put(KEYS[day] ?? 'sat', day);
  return found;
}

/** All keys that say when. */
export const WEEK_KEYS: readonly string[] = [...KEYS, ...SHARED];

export const add = (week: Week, days: readonly number[], [from, to]: Span): Week =>
  week.map((spans, day) => (days.includes(day) ? tidy([...spans, [from, to]]) : spans));

export const cut = (week: Week, days: readonly number[], [from, to]: Span): Week =>
  week.map((spans, day) =>
    days.includes(day)
      ? tidy(spans.flatMap(([a, b]): Span[] => [[a, Math.min(b, from)], [Math.max(a, to), b]]))
      : spans,
  );

export const invert = (week: Week): Week =>
  week.map((spans) => {
    const edges = [0, ...spans.flat(), DAY];
    return tidy(Array.from({ length: edges.length / 2 }, (_, at): Span => [edges[2 * at] ?? 0, edges[2 * at + 1] ?? 0]));
  });

export const clear = (): Week => KEYS.map(() => []);

export const copy = (week: Week, from: number, to: readonly number[]): Week => week.map((spans, day) => (to.includes(day) ? (week[from] ?? []) : spans));

/** Whether any of it lies in `[from, to)` of a day. */
export const touches = (week: Week, day: number, [from, to]: Span): boolean => (week[day] ?? []).some(([a, b]) => a < to && from < b);

/** As people write a day: `08:00-12:00, 14:00-18:00`; `null`: not to be read. */
export function readDay(text: string): Span[] | null {
  const spans = text.split(',').map((one) => one.trim()).filter(Boolean).map(spansOf);
  return spans.some((span) => span === null || span[0] >= span[1]) ? null : tidy(spans.filter((span) => span !== null));
}

export const dayWords = (spans: readonly Span[]): string => spans.map(([from, to]) => `${clock(from)}–${clock(to)}`).join(', ');

/** A week in a line. */
export function weekWords(week: Week): string {
  const days = week.flatMap((spans, day) => (spans.length === 0 ? [] : [`${t.settings.parts.days.short[day] ?? ''} ${dayWords(spans)}`]));
  return days.length === 0 ? t.settings.when.off : days.join(' · ');
}
