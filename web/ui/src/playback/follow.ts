/**
 * How one camera's video is kept on the master clock. Pure.
 *
 * A video's own clock is not what it shows: browsers give each picture the same number of refreshes
 * where rates allow it (15 pictures at 60 Hz: 4 each), and then leave it up to half a picture off its
 * moment for as long as nothing disturbs that. So what was presented counts too: where it strays from
 * the video's own clock by more than refreshes explain, the video is nudged until it does not. Any
 * other rate than before also ends that pattern.
 */

export type Correction = { kind: 'rate'; rate: number } | { kind: 'seek' };

/** A nudge takes back so much of the error in a second of the viewer's time. */
const GAIN = 2.5;
const MOST = 0.25;
/** Within it nothing is begun, and down to the second what was begun is carried on. */
const DEAD_MS = { begins: 5, ends: 1.5 };
/** Beyond, in the viewer's time, a nudge would take too long. */
const SEEK_MS = 600;
/** While it stands still, a picture that is nearer than this is the right one. */
const STILL_MS = 5;
/** A picture appears with the nearest refresh, at most half of one off; so much less, as the dead band comes on top. */
const WITHIN_MS = 2.5;
/** More is no pattern but a browser that has no time for pictures. */
const STRAY_MS = 150;
/** The middle one of these says how pictures are presented; single ones are late for any reason. */
const PICTURES = 5;
/** What browsers allow. */
const RATES = { least: 0.0625, most: 16 };

export class Follower {
  private nudging = false;
  private pictures: number[] = [];

  /** A picture is presented, by the video's own clock so many ms of the viewer's time before its moment. */
  presented(early: number): void {
    this.pictures.push(early);
    if (this.pictures.length > PICTURES) this.pictures.shift();
  }

  /** It stood still or went elsewhere: what was presented says nothing any more. */
  reset(): void {
    this.pictures = [];
    this.nudging = false;
  }

  /**
   * `error`: by how much of footage, in ms, the video's own clock is ahead of the master clock;
   * `refresh`: ms from one refresh of the screen to the next.
   */
  correct(error: number, speed: number, refresh: number): Correction {
    const own = error / speed;
    if (Math.abs(own) > SEEK_MS) {
      this.reset();
      return { kind: 'seek' };
    }
    const felt = own + this.stray(refresh);
    this.nudging = Math.abs(felt) >= (this.nudging ? DEAD_MS.ends : DEAD_MS.begins);
    if (!this.nudging) return { kind: 'rate', rate: speed };
    const nudge = Math.max(-MOST, Math.min(MOST, (-felt / 1000) * GAIN));
    return { kind: 'rate', rate: Math.max(RATES.least, Math.min(RATES.most, speed * (1 + nudge))) };
  }

  /** How far ahead of the video's own clock its pictures are, beyond what refreshes explain. */
  private stray(refresh: number): number {
    if (this.pictures.length < PICTURES) return 0;
    const early = this.pictures.toSorted((a, b) => a - b)[PICTURES >> 1] ?? 0;
    const beyond = Math.max(0, Math.abs(early) - refresh / 2 + WITHIN_MS);
    return Math.sign(early) * Math.min(STRAY_MS, beyond);
  }
}

/** Whether a video that stands still shows another moment than the clock. */
export const offWhileStill = (error: number): boolean => Math.abs(error) > STILL_MS;
