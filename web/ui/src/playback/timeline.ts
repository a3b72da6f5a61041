/** Footage of many cameras over any length of time: what was asked for is kept by fineness. Pure; times are ms since 1970. */

import type { Cause, GapCause } from '../api/types';
import type { Span } from '../footage/causes';

export type Pair = [from: number, to: number];

export interface Lane {
  camera: string;
  causes: Partial<Record<Cause, Pair[]>>;
  footage: Pair[];
  gaps: [from: number, to: number, cause: GapCause][];
}

/** One tile holds so many steps. */
const TILE_STEPS = 600;
const MOST_TILES = 240;
/** A tile that may still grow is good for so long. */
const FRESH_MS = 5_000;

export interface Tile extends Span {
  step: number;
}

export const keyOf = ({ step, from }: Tile): string => `${step}/${from}`;

/** The tiles of this fineness (seconds) that cover the view, a part of one more on each side. */
export function tilesOf(view: Span, step: number): Tile[] {
  const length = step * 1000 * TILE_STEPS;
  const found: Tile[] = [];
  for (let from = Math.floor(view.from / length) * length; from < view.to; from += length) found.push({ step, from, to: from + length });
  return found;
}

interface Kept {
  tile: Tile;
  lanes: Map<string, Lane>;
  /** `performance.now()` when it was asked for. */
  asked: number;
  /** It reached into the future. */
  open: boolean;
}

/** Clips pairs to a span. */
function within<P extends [number, number, ...unknown[]]>(pairs: readonly P[], span: Span): P[] {
  const found: P[] = [];
  for (const pair of pairs) {
    if (pair[1] <= span.from || pair[0] >= span.to) continue;
    const cut = [...pair] as P;
    cut[0] = Math.max(pair[0], span.from);
    cut[1] = Math.min(pair[1], span.to);
    found.push(cut);
  }
  return found;
}

/** Stretches of sorted pairs that touch become one. */
export function joined(pairs: readonly Pair[], seam: number): Pair[] {
  const all: Pair[] = [];
  for (const pair of pairs) {
    const last = all.at(-1);
    if (last && pair[0] - last[1] <= seam) last[1] = Math.max(last[1], pair[1]);
    else all.push([pair[0], pair[1]]);
  }
  return all;
}

export class TimelineStore {
  private readonly kept = new Map<string, Kept>();

  put(tile: Tile, lanes: readonly Lane[], asked: number, recorderNow: number): void {
    const key = keyOf(tile);
    this.kept.delete(key);
    this.kept.set(key, { tile, lanes: new Map(lanes.map((lane) => [lane.camera, lane])), asked, open: tile.to > recorderNow });
    // The longest unused first.
    for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - MOST_TILES))) this.kept.delete(old);
  }

  clear(): void {
    this.kept.clear();
  }

  /** Tiles that are to be asked for, the nearest to `middle` first. */
  missing(view: Span, step: number, now: number, recorderNow: number): Tile[] {
    const middle = (view.from + view.to) / 2;
    const due = tilesOf(view, step).filter((tile) => {
      if (tile.from > recorderNow) return false;
      const kept = this.kept.get(keyOf(tile));
      return !kept || (kept.open && now - kept.asked > FRESH_MS);
    });
    return due.sort((a, b) => Math.abs((a.from + a.to) / 2 - middle) - Math.abs((b.from + b.to) / 2 - middle));
  }

  /** What is known of one camera in the view: of this fineness where it is there, else of the next best. */
  lane(camera: string, view: Span, step: number): Lane & { unknown: Pair[] } {
    const parts: { span: Span; lane: Lane | null }[] = [];
    for (const tile of tilesOf(view, step)) parts.push(...this.best(camera, tile));
    const gather = (of: (lane: Lane) => readonly Pair[]): Pair[] =>
      joined(parts.flatMap(({ span, lane }) => (lane ? within(of(lane), span) : [])), step * 1000);
    const causes: Lane['causes'] = {};
    const names = new Set(parts.flatMap(({ lane }) => Object.keys(lane?.causes ?? {}) as Cause[]));
    for (const cause of names) causes[cause] = gather((lane) => lane.causes[cause] ?? []);
    return {
      camera,
      causes,
      footage: gather((lane) => lane.footage),
      gaps: parts.flatMap(({ span, lane }) => (lane ? within(lane.gaps, span) : [])),
      unknown: joined(parts.flatMap(({ span, lane }) => (lane ? [] : [[span.from, span.to] as Pair])), 0),
    };
  }

  /** The tile itself, or what coarser and finer ones know of its time. */
  private best(camera: string, tile: Tile): { span: Span; lane: Lane | null }[] {
    const own = this.kept.get(keyOf(tile));
    if (own) {
      this.kept.delete(keyOf(tile));
      this.kept.set(keyOf(tile), own);
      return [{ span: tile, lane: own.lanes.get(camera) ?? null }];
    }
    const others = [...this.kept.values()]
      .filter((one) => one.tile.from < tile.to && one.tile.to > tile.from && one.lanes.has(camera))
      .sort((a, b) => Math.abs(Math.log(a.tile.step / tile.step)) - Math.abs(Math.log(b.tile.step / tile.step)));
    let open: Span[] = [{ from: tile.from, to: tile.to }];
    const parts: { span: Span; lane: Lane | null }[] = [];
    for (const { tile: other, lanes } of others) {
      const left: Span[] = [];
      for (const span of open) {
        const [from, to] = [Math.max(span.from, other.from), Math.min(span.to, other.to)];
        if (from >= to) left.push(span);
        else {
          parts.push({ span: { from, to }, lane: lanes.get(camera) ?? null });
          if (span.from < from) left.push({ from: span.from, to: from });
          if (to < span.to) left.push({ from: to, to: span.to });
        }
      }
      open = left;
    }
    parts.push(...open.map((span) => ({ span, lane: null })));
    return parts.sort((a, b) => a.span.from - b.span.from);
  }
}

/** What was recorded at `time`, for which reasons, or why not. */
export type Found = { kind: 'footage'; causes: Cause[] } | { kind: 'gap'; span: Span; cause: GapCause } | { kind: 'none' } | { kind: 'unknown' };

const holds = (pairs: readonly Pair[] | undefined, time: number, reach = 0): boolean =>
  pairs?.some(([from, to]) => from - reach <= time && time < to + reach) ?? false;

/** `reach`: how near, in ms, a gap must be to be meant; short ones are drawn wider than they are. */
export function foundAt(lane: Lane & { unknown: Pair[] }, time: number, reach: number): Found {
  const gap = lane.gaps.find(([from, to]) => from <= time && time < to) ?? lane.gaps.find(([from, to]) => to - from < reach && from - reach <= time && time < to + reach);
  if (gap) return { kind: 'gap', span: { from: gap[0], to: gap[1] }, cause: gap[2] };
  if (holds(lane.footage, time)) {
    const causes = (Object.keys(lane.causes) as Cause[]).filter((cause) => holds(lane.causes[cause], time));
    return { kind: 'footage', causes };
  }
  return holds(lane.unknown, time) ? { kind: 'unknown' } : { kind: 'none' };
}

/** The next stretch, of any lane, that is admitted: after `time`, or (`back`) before it. */
export function nextStart(lanes: readonly Lane[], time: number, causes: ReadonlySet<Cause> | null): number | null {
  let best: number | null = null;
  for (const lane of lanes) {
    const stretches = causes === null ? lane.footage : [...causes].flatMap((cause) => lane.causes[cause] ?? []);
    for (const [from, to] of stretches) {
      if (to <= time) continue;
      const start = Math.max(from, time);
      if (best === null || start < best) best = start;
    }
  }
  return best;
}
