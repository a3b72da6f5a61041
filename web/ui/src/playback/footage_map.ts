/** Where one stream has footage, and why it has none elsewhere. Pure; times are ms since 1970. */

import type { GapCause, Recordings } from '../api/types';
import type { Span } from '../footage/causes';

/** Segments this close belong together. */
const SEAM_MS = 1_000;
/** What is left of a stretch is not worth asking for. */
const CRUMB_MS = 120;

export type Place = { kind: 'footage' } | { kind: 'gap'; cause: GapCause | null } | { kind: 'unknown' };

export class FootageMap {
  /** What is known about; null: nothing. */
  readonly known: Span | null;
  readonly spans: readonly Span[];
  /** Where segments begin: decoding may begin there without looking back. */
  private readonly starts: readonly number[];
  /** Formats change there: no clip may hold them. */
  private cuts: readonly number[] = [];
  private readonly gaps: readonly (Span & { cause: GapCause })[];

  constructor(recordings: Recordings | null, known: Span | null) {
    this.known = known;
    const segments = (recordings?.segments ?? []).map(({ start, end }) => ({ from: Date.parse(start), to: Date.parse(end) }));
    const spans: Span[] = [];
    for (const segment of segments) {
      const last = spans.at(-1);
      if (last && segment.from - last.to <= SEAM_MS) last.to = Math.max(last.to, segment.to);
      else spans.push({ ...segment });
    }
    this.spans = spans;
    this.starts = segments.map(({ from }) => from);
    this.gaps = (recordings?.gaps ?? []).map(({ start, end, cause }) => ({
      from: Date.parse(start),
      to: end === null ? Infinity : Date.parse(end),
      cause,
    }));
  }

  at(time: number): Place {
    if (!this.known || time < this.known.from || time >= this.known.to) return { kind: 'unknown' };
    if (this.spans.some(({ from, to }) => from <= time && time < to)) return { kind: 'footage' };
    return { kind: 'gap', cause: this.gaps.find(({ from, to }) => from - SEAM_MS <= time && time < to)?.cause ?? null };
  }

  /**
   * What to ask for next to go on from `time`: at most `most` ms, rather up to where a segment
   * begins. Null: there is nothing before `until`.
   */
  next(time: number, most: number, until = Infinity): Span | null {
    const span = this.spans.find(({ to }) => to - time > CRUMB_MS);
    const from = span ? Math.max(span.from, time) : Infinity;
    if (!span || from >= until) return null;
    const end = Math.min(span.to, from + most);
    const change = this.cuts.find((at) => at > from + 1 && at < end);
    if (change !== undefined) return { from, to: change };
    const cut = this.starts.findLast((start) => start > from + most / 2 && start <= end);
    return { from, to: cut ?? end };
  }

  /** With a change of format that was not known. */
  cutAt(time: number): FootageMap {
    const map = Object.assign(Object.create(FootageMap.prototype) as FootageMap, this);
    map.cuts = [...this.cuts, time].sort((a, b) => a - b);
    return map;
  }
}
