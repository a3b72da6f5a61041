/** Whether a stream's sound goes with its picture: the picture never waits for sound that cannot be played. Pure: `now` is `performance.now()`. */

/** Why sound is not played though there is some. */
export interface Unheard {
  /** As the stream declares it, such as `mp4a.40.2`. */
  codec: string;
  /** The browser does not know the codec, or failed in decoding. */
  why: 'codec' | 'decoder';
}

/** Decoders may fail over a picture, too: twice within so long, it is the sound. */
const AGAIN_WITHIN_MS = 30_000;

/** Browsers claim decoders that fail all the same; without sound it shows what was to blame. */
export class SoundTrial {
  /** Sound is left out. */
  guilty = false;
  private failed = -Infinity;

  /** A decoder failed, or nothing came of what it was given. */
  fail(withSound: boolean, now: number): void {
    this.guilty = withSound && now - this.failed < AGAIN_WITHIN_MS;
    // What fails without sound as well fails because of something else.
    this.failed = withSound ? now : -Infinity;
  }
}
