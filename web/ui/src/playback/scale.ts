/** The window of time that a timeline shows: zoom, pan, marks, and what is at a place. Pure; times are ms since 1970. */

import type { Span } from '../footage/causes';
import type { Zone } from './zone';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** A timeline shows no less and no more. */
export const SHORTEST = 10 * SECOND;
export const LONGEST = 92 * DAY;
/** There is room for what is to come. */
const BEYOND = 0.05;

export const lengthOf = (view: Span): number => view.to - view.from;
export const timeAt = (view: Span, part: number): number => view.from + part * lengthOf(view);
export const placeOf = (view: Span, time: number): number => (time - view.from) / lengthOf(view);

/** Within what there can be: nothing is recorded beyond `now`. */
function bounded(view: Span, now: number): Span {
  const length = Math.min(LONGEST, Math.max(SHORTEST, lengthOf(view)));
  const from = Math.min(view.from, now + length * BEYOND - length);
  return { from, to: from + length };
}

/** `factor` < 1 shows less; the time at `part` (0 to 1) stays where it is. */
export function zoom(view: Span, factor: number, part: number, now: number): Span {
  const length = Math.min(LONGEST, Math.max(SHORTEST, lengthOf(view) * factor));
  const fixed = timeAt(view, part);
  const from = fixed - length * part;
  return bounded({ from, to: from + length }, now);
}

/** By so many ms. */
export function pan(view: Span, by: number, now: number): Span {
  return bounded({ from: view.from + by, to: view.to + by }, now);
}

/** The same length around `time`. */
export function centre(view: Span, time: number, now: number): Span {
  const half = lengthOf(view) / 2;
  return bounded({ from: time - half, to: time + half }, now);
}

/** Follows what is played: turned by a page before it runs out of the window. */
export function follow(view: Span, before: number, time: number, now: number): Span {
  const was = placeOf(view, before);
  const is = placeOf(view, time);
  const seen = was >= 0 && was <= 1;
  if (!seen || (is >= 0 && is <= 0.95)) return view;
  return bounded({ from: time - lengthOf(view) * 0.1, to: time + lengthOf(view) * 0.9 }, now);
}

const STEPS = [SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR];
const DAYS = [1, 2, 7, 14];

export interface Tick {
  time: number;
  /** The finest that it is a mark of. */
  unit: 'second' | 'minute' | 'day' | 'month';
}

/** Round local times, `count` at most. */
export function ticks(view: Span, count: number, zone: Zone): Tick[] {
  const least = lengthOf(view) / Math.max(1, count);
  const step = STEPS.find((one) => one >= least);
  if (step !== undefined) return withinDays(view, step, zone);
  const days = DAYS.find((one) => one * DAY >= least);
  const found: Tick[] = [];
  let time = days === undefined ? zone.month(view.from, 0) : zone.startOfDay(view.from);
  for (; time < view.to && found.length < 500; ) {
    const { day } = zone.wall(time);
    // Every other day of a month, counted from its first, so that marks stay where they are.
    const falls = days === undefined || ((day - 1) % days === 0 && (days === 1 || 32 - day >= days));
    if (time >= view.from && falls) found.push({ time, unit: day === 1 ? 'month' : 'day' });
    time = days === undefined ? zone.month(time, 1) : zone.day(time, 1);
  }
  return found;
}

function withinDays(view: Span, step: number, zone: Zone): Tick[] {
  const unit = (time: number): Tick['unit'] => ((time + zone.offset(time)) % DAY === 0 ? 'day' : time % MINUTE === 0 ? 'minute' : 'second');
  const found: Tick[] = [];
  const add = (time: number): void => {
    if (time >= view.from && time < view.to && time > (found.at(-1)?.time ?? -Infinity)) found.push({ time, unit: unit(time) });
  };
  if (step < 30 * MINUTE) {
    // No change of an offset moves these.
    const first = view.from + zone.offset(view.from);
    for (let time = view.from - (((first % step) + step) % step); time < view.to; time += step) add(time);
    return found;
  }
  for (let day = zone.startOfDay(view.from); day < view.to; day = zone.day(day, 1)) {
    const wall = zone.wall(day + DAY / 2);
    for (let minute = 0; minute < DAY / MINUTE; minute += step / MINUTE) {
      add(zone.instant(wall.year, wall.month, wall.day, Math.floor(minute / 60), minute % 60));
    }
  }
  return found;
}

/** How fine the spans are that are asked for, in seconds: the nearest of these to two pixels. */
const FINENESS = [1, 2, 5, 15, 60, 300, 900, 3_600, 14_400];

export function fineness(view: Span, width: number): number {
  const want = (lengthOf(view) / 1000 / Math.max(1, width)) * 1.5;
  return FINENESS.findLast((step) => step <= want) ?? 1;
}

/** The range between two handles, whichever was moved beyond the other. */
export const range = (a: number, b: number): Span => ({ from: Math.min(a, b), to: Math.max(a, b) });

/** What lies nearest to `time`, within `reach` ms. */
export function nearest<T extends { time: number }>(all: readonly T[], time: number, reach: number): T | null {
  let best: T | null = null;
  for (const one of all) {
    const distance = Math.abs(one.time - time);
    if (distance <= reach && (best === null || distance < Math.abs(best.time - time))) best = one;
  }
  return best;
}
