/** Keeping near the live edge: when to jump, when to hurry. Seconds throughout. */

export interface Range {
  start: number;
  end: number;
}

export interface Position {
  /** Where the picture is. */
  time: number;
  /** What is buffered, in order. */
  ranges: readonly Range[];
  /** The playback rate now. */
  rate: number;
  /** How far behind the edge is comfortable on this line. */
  target: number;
  /** How much media one delivery brings: a stream of one picture per second cannot be closer. */
  step: number;
}

export interface Move {
  seek: number | null;
  rate: number;
}

const JUMP_BEHIND = 1;
const HURRY_BEHIND = 0.25;
const HURRY = 1.1;

export const FIRST_TARGET = 0.15;
const LARGEST_TARGET = 1;

/** The comfortable distance after the buffer ran dry once more. */
export function widened(target: number): number {
  return Math.min(LARGEST_TARGET, target * 1.5);
}

/** The comfortable distance after a moment without trouble. */
export function narrowed(target: number): number {
  return Math.max(FIRST_TARGET, target * 0.98);
}

export function move({ time, ranges, rate, target, step }: Position): Move {
  const last = ranges.at(-1);
  if (!last) return { seek: null, rate: 1 };
  const lag = last.end - time;
  const best = Math.max(last.start, last.end - target);
  const jump = Math.max(JUMP_BEHIND, 2 * step) + target;
  const playable = ranges.some((range) => range.start <= time + 0.05 && time + 0.05 < range.end);
  if (lag > jump || lag < -0.5) return { seek: best, rate: 1 };
  // At the end of a range with another one after it: nothing will ever fill the hole.
  if (!playable && time < last.start) return { seek: best, rate: 1 };
  const comfortable = target + step;
  if (lag > comfortable + HURRY_BEHIND) return { seek: null, rate: HURRY };
  return { seek: null, rate: rate > 1 && lag > comfortable ? HURRY : 1 };
}

export function rangesOf(buffered: TimeRanges): Range[] {
  return Array.from({ length: buffered.length }, (_, i) => ({ start: buffered.start(i), end: buffered.end(i) }));
}
