/** The recorder's clock, so that "now" on a bar is the recorder's now. */

class Clock {
  private offset = 0;
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

  /** `recorder`: its time, halfway between asking and being answered. */
  set(recorder: number, asked: number, answered: number): void {
    if (Number.isNaN(recorder)) return;
    const offset = recorder - (asked + answered) / 2;
    // Within the accuracy of the measurement, the two clocks are the same.
    this.offset = Math.abs(offset) < 250 ? 0 : offset;
    this.tick = this.now();
  }
}

export const clock = new Clock();
