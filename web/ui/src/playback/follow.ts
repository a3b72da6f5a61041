/** How one camera's video is kept on the master clock. Pure. */

export type Correction = { kind: 'rate'; rate: number } | { kind: 'seek' };

/** A nudge takes back so much of the error in a second of the viewer's time. */
const GAIN = 1.2;
const MOST = 0.2;
/** Within it nothing is done: a fifth of a picture at 25 a second. */
const DEAD_MS = 8;
/** Beyond, in the viewer's time, a nudge would take too long. */
const SEEK_MS = 600;
/** While it stands still, a picture that is nearer than this is the right one. */
const STILL_MS = 5;
/** What browsers allow. */
const RATES = { least: 0.0625, most: 16 };

/** `error`: by how much of footage, in ms, the video is ahead of the clock. */
export function correction(error: number, speed: number): Correction {
  const felt = error / speed;
  if (Math.abs(felt) > SEEK_MS) return { kind: 'seek' };
  if (Math.abs(felt) < DEAD_MS) return { kind: 'rate', rate: speed };
  const nudge = Math.max(-MOST, Math.min(MOST, (-felt / 1000) * GAIN));
  return { kind: 'rate', rate: Math.max(RATES.least, Math.min(RATES.most, speed * (1 + nudge))) };
}

/** Whether a video that stands still shows another moment than the clock. */
export const offWhileStill = (error: number): boolean => Math.abs(error) > STILL_MS;
