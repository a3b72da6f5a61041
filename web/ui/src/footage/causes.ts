/** Why each moment of footage was recorded: segments and marks become bands. Pure; times are ms since 1970. */

import type { Cause, Recordings } from '../api/types';

export interface Span {
  from: number;
  to: number;
}

/** Footage without a break, recorded for the same reasons throughout, the gravest first. */
export interface Band extends Span {
  causes: Cause[];
}

/** An alarm matters more than a schedule. */
export const BY_WEIGHT: readonly Cause[] = ['sensor', 'analytics', 'motion', 'manual', 'schedule'];
/** Segments this close belong together: files are exact to a picture, not to the millisecond. */
const SEAM_MS = 1_000;

export function clip(span: Span, window: Span): Span | null {
  const from = Math.max(span.from, window.from);
  const to = Math.min(span.to, window.to);
  return from < to ? { from, to } : null;
}

type Piece = Span & { cause: Cause | null };

/** Stretches of footage (`cause` null), and for which reason. */
function pieces(recordings: Recordings, window: Span): Piece[] {
  const marks: Piece[] = recordings.marks.map(({ start, end, cause }) => ({
    from: Date.parse(start),
    to: end === null ? window.to : Date.parse(end),
    cause,
  }));
  const found: Piece[] = [];
  let last: Piece | null = null;
  for (const segment of recordings.segments) {
    const span = { from: Date.parse(segment.start), to: Date.parse(segment.end) };
    if (last !== null && span.from - last.to <= SEAM_MS) last.to = Math.max(last.to, span.to);
    else found.push((last = { ...span, cause: null }));
    // Footage from before there were marks knows its reasons by the file only.
    if (marks.some((mark) => mark.from < span.to && mark.to > span.from)) continue;
    found.push(...segment.causes.map((cause) => ({ ...span, cause })));
  }
  return [...found, ...marks].flatMap((piece) => {
    const span = clip(piece, window);
    return span ? [{ ...span, cause: piece.cause }] : [];
  });
}

const same = (a: readonly Cause[], b: readonly Cause[]): boolean => a.length === b.length && a.every((cause, at) => b[at] === cause);

export function bandsOf(recordings: Recordings, window: Span): Band[] {
  const edges = pieces(recordings, window).flatMap(({ from, to, cause }) => [
    { time: from, cause, by: 1 },
    { time: to, cause, by: -1 },
  ]);
  edges.sort((a, b) => a.time - b.time);
  const open = new Map<Cause | null, number>();
  const bands: Band[] = [];
  let before = window.from;
  for (const { time, cause, by } of edges) {
    if (time > before && (open.get(null) ?? 0) > 0) {
      const causes = BY_WEIGHT.filter((one) => (open.get(one) ?? 0) > 0);
      join(bands, { from: before, to: time, causes });
    }
    open.set(cause, (open.get(cause) ?? 0) + by);
    before = time;
  }
  return bands;
}

/** Footage between two marks belongs to what was recorded before it: marks are exact to the second. */
function join(bands: Band[], band: Band): void {
  const last = bands.at(-1);
  if (!last || last.to !== band.from) bands.push(band);
  else if (band.causes.length === 0 || same(last.causes, band.causes)) last.to = band.to;
  else if (last.causes.length === 0) Object.assign(last, { to: band.to, causes: band.causes });
  else bands.push(band);
}
