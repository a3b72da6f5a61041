/** The recorder's clock, so that "now" on a bar is the recorder's now. */

/**
 * Until the recorder said what time it is, this machine's clock stands in, which may be wrong by
 * anything: what only shows a time recovers by itself, what decides by it waits.
 */
class Clock {
  /** It is the recorder's. */
  known = $state(false);
  private offset = 0;
  private waiting: (() => void)[] = [];
  /** ms since 1970, once a second while the page is seen. */
  tick = $state(Date.now());

  constructor() {
    setInterval(() => {
      if (!document.hidden) this.tick = this.now();
    }, 1_000);
    document.addEventListener('visibilitychange', () => (this.tick = this.now()));
  }

  now(): number {
    return Date.now() + this.offset;
  }

  /** Waits for the recorder's time. */
  whenKnown(): Promise<void> {
    return this.known ? Promise.resolve() : new Promise((go) => this.waiting.push(go));
  }

  /** `recorder`: its time, halfway between asking and being answered. */
  set(recorder: number, asked: number, answered: number): void {
    // Of a recorder that does not say it nothing better is to be known.
    const offset = Number.isNaN(recorder) ? this.offset : recorder - (asked + answered) / 2;
    // Within the accuracy of the measurement, the two clocks are the same.
    this.offset = Math.abs(offset) < 250 ? 0 : offset;
    this.tick = this.now();
    this.known = true;
    for (const go of this.waiting.splice(0)) go();
  }
}

export const clock = new Clock();
