/** When the clock waits for a camera whose footage is late. Pure: `now` is `performance.now()`. */

/** A camera that stalls is waited for this long, then the others go on. */
const STALL_MS = 3_000;
/** After a jump everybody begins together, within reason. */
const JUMP_MS = 6_000;
/** Who was given up is waited for again once it kept up this long. */
const REDEEMED_MS = 10_000;

interface Score {
  /** Since when it is late; null: it is not. */
  late: number | null;
  /** It used up what it was waited for. */
  givenUp: boolean;
  /** Since when it keeps up. */
  well: number;
}

export class Patience {
  private readonly scores = new Map<string, Score>();
  private jumped = -Infinity;

  /** Everybody is waited for anew. */
  jump(now: number): void {
    this.jumped = now;
    this.scores.clear();
  }

  forget(camera: string): void {
    this.scores.delete(camera);
  }

  /** Whether to wait: `late` are the cameras without a picture of this moment that should have one. */
  wait(cameras: readonly string[], late: ReadonlySet<string>, now: number): boolean {
    let hold = false;
    for (const camera of cameras) {
      const score = this.scores.get(camera) ?? { late: null, givenUp: false, well: now };
      this.scores.set(camera, score);
      if (!late.has(camera)) {
        if (score.late !== null) score.well = now;
        score.late = null;
        if (score.givenUp && now - score.well >= REDEEMED_MS) score.givenUp = false;
        continue;
      }
      score.late ??= now;
      const patience = score.late - this.jumped < JUMP_MS ? JUMP_MS : STALL_MS;
      if (now - score.late > patience) score.givenUp = true;
      hold ||= !score.givenUp;
    }
    return hold;
  }
}
