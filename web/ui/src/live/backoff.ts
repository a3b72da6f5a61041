/** Pauses between attempts: short at first, never longer than they may be. */

/** For connections that show something live. */
const LIVE = { firstMs: 300, longestMs: 5_000 };

/** `failures`: attempts in a row before the last one that brought nothing. `random` in [0, 1). */
export function pauseMs(failures: number, random: number, { firstMs, longestMs } = LIVE): number {
  const pause = Math.min(longestMs, firstMs * 2 ** Math.min(failures, 10));
  return Math.round(pause * (0.8 + 0.4 * random));
}
