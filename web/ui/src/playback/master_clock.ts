/** The one clock that every camera of a playback follows. Pure: `now` is `performance.now()`, times are ms since 1970. */

export class MasterClock {
  private from = { time: 0, now: 0 };
  private runs = false;
  private rate = 1;

  constructor(time: number) {
    this.from.time = time;
  }

  /** What is shown at `now`. */
  time(now: number): number {
    return this.runs ? this.from.time + (now - this.from.now) * this.rate : this.from.time;
  }

  get running(): boolean {
    return this.runs;
  }

  get speed(): number {
    return this.rate;
  }

  seek(time: number, now: number): void {
    this.from = { time, now };
  }

  run(now: number): void {
    if (!this.runs) this.from.now = now;
    this.runs = true;
  }

  hold(now: number): void {
    this.from = { time: this.time(now), now };
    this.runs = false;
  }

  setSpeed(speed: number, now: number): void {
    this.from = { time: this.time(now), now };
    this.rate = speed;
  }
}
