/** What a footage bar shows of a span of time. Pure; times are ms since 1970. */

import type { GapCause, Recordings } from '../api/types';
import type { Zone } from '../playback/zone';
import { bandsOf, clip, type Band, type Span } from './causes';

/** Missing footage. */
export interface Hole extends Span {
  cause: GapCause;
  /** It is not over. */
  open: boolean;
}

export interface BarModel {
  bands: Band[];
  holes: Hole[];
}

export function barModel(recordings: Recordings, window: Span): BarModel {
  const holes = recordings.gaps.flatMap((gap) => {
    const open = gap.end === null;
    const end = gap.end === null ? window.to : Date.parse(gap.end);
    const span = clip({ from: Date.parse(gap.start), to: end }, window);
    return span ? [{ ...span, cause: gap.cause, open }] : [];
  });
  return { bands: bandsOf(recordings, window), holes };
}

/** Where a time lies on the bar, 0 to 1. */
export function fraction(time: number, window: Span): number {
  return Math.min(1, Math.max(0, (time - window.from) / (window.to - window.from)));
}

export function timeAt(part: number, window: Span): number {
  return window.from + Math.min(1, Math.max(0, part)) * (window.to - window.from);
}

export function holeAt(model: BarModel, time: number): Hole | null {
  return model.holes.find((hole) => hole.from <= time && time < hole.to) ?? null;
}

export function bandAt(model: BarModel, time: number): Band | null {
  if (holeAt(model, time)) return null;
  return model.bands.find((band) => band.from <= time && time < band.to) ?? null;
}

/** Before the end of footage there must be something left to see. */
const AT_LEAST_MS = 2_000;

/**
 * Where playing starts when asked for `time`: there, or at the next footage, or shortly before
 * the end of the last one. `null`: there is none.
 */
export function startOfPlay(model: BarModel, time: number): number | null {
  if (bandAt(model, time)) return time;
  const starts = [...model.bands.map((band) => band.from), ...model.holes.map((hole) => hole.to)];
  const next = starts.filter((start) => start > time && bandAt(model, start)).sort((a, b) => a - b)[0];
  if (next !== undefined) return next;
  const last = model.bands.at(-1);
  if (!last) return null;
  const hole = model.holes.findLast((h) => h.from < last.to && last.to <= h.to);
  const end = hole && hole.from > last.from ? hole.from : last.to;
  return Math.max(last.from, end - AT_LEAST_MS);
}

export interface Tick {
  time: number;
  at: number;
}

/** Round times of the zone's clock within the window, every `minutes`, clear of its edges. */
export function ticks(window: Span, minutes: number, zone: Zone): Tick[] {
  const found: Tick[] = [];
  const minute = 60_000;
  for (let time = Math.ceil(window.from / minute) * minute; time < window.to; time += minute) {
    const at = fraction(time, window);
    if (zone.wall(time).minute % minutes === 0 && at > 0.03 && at < 0.97) found.push({ time, at });
  }
  return found;
}
