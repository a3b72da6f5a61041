/** Taking turns: a sequence through walls, or through a group in one window. Times in ms; `now` is an argument. */

export interface Turns {
  /** How many take turns. */
  count: number;
  dwellMs: number;
  at: number;
  /** When the one that is shown came. */
  since: number;
  /** Since when it stands still. */
  pausedAt: number | null;
}

export const begin = (count: number, dwellMs: number, now: number, at = 0): Turns => ({
  count,
  dwellMs,
  at: count > 0 ? at % count : 0,
  since: now,
  pausedAt: null,
});

/** How long until the next one; `null`: never by itself. */
export function dueIn(turns: Turns, now: number): number | null {
  if (turns.count < 2 || turns.pausedAt !== null) return null;
  return Math.max(0, turns.since + turns.dwellMs - now);
}

export function step(turns: Turns, by: number, now: number): Turns {
  if (turns.count === 0) return turns;
  const at = (((turns.at + by) % turns.count) + turns.count) % turns.count;
  return { ...turns, at, since: now, pausedAt: turns.pausedAt === null ? null : now };
}

/** The next one where it is due; a page that slept goes on by one, not by all that it missed. */
export const tick = (turns: Turns, now: number): Turns => (dueIn(turns, now) === 0 ? step(turns, 1, now) : turns);

export const pause = (turns: Turns, now: number): Turns => (turns.pausedAt === null ? { ...turns, pausedAt: now } : turns);

/** Goes on with what was left of the one that is shown. */
export const resume = (turns: Turns, now: number): Turns =>
  turns.pausedAt === null ? turns : { ...turns, since: turns.since + (now - turns.pausedAt), pausedAt: null };
