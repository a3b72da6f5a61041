/** Pauses between attempts to connect: short at first, never longer than a few seconds. */

const FIRST_MS = 300;
const LONGEST_MS = 5_000;

/** `failures`: attempts in a row that brought no picture. `random` in [0, 1). */
export function pauseMs(failures: number, random: number): number {
  const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 10));
  return Math.round(pause * (0.8 + 0.4 * random));
}
