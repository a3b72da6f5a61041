import { expect, test } from 'vitest';
import { Follower, offWhileStill } from './follow';

const rateOf = (error: number, speed = 1, follower = new Follower()): number | 'seek' => {
  const step = follower.correct(error, speed, 1000 / 60);
  return step.kind === 'rate' ? step.rate : 'seek';
};

test('small errors are left, larger ones nudged away, the largest jumped over', () => {
  expect(rateOf(3)).toBe(1);
  expect(rateOf(50)).toBeCloseTo(0.875);
  expect(rateOf(-50)).toBeCloseTo(1.125);
  expect(rateOf(-400)).toBeCloseTo(1.25);
  expect(rateOf(-900)).toBe('seek');
  // The same footage is a smaller error to the viewer at 4×.
  expect(rateOf(-900, 4)).toBeCloseTo(5);
  expect(rateOf(-9000, 16)).toBe(16);
});

test('what was begun is carried on further than it would be begun', () => {
  const follower = new Follower();
  expect(rateOf(4, 1, follower)).toBe(1);
  expect(rateOf(8, 1, follower)).toBeLessThan(1);
  expect(rateOf(4, 1, follower)).toBeLessThan(1);
  expect(rateOf(1, 1, follower)).toBe(1);
  expect(rateOf(4, 1, follower)).toBe(1);
});

test('pictures that stray from the video’s own clock count, single late ones do not', () => {
  const follower = new Follower();
  for (const early of [-2, -40, -3, 5, -90]) follower.presented(early);
  expect(rateOf(0, 1, follower)).toBe(1);
  for (let i = 0; i < 5; i++) follower.presented(-40);
  expect(rateOf(0, 1, follower)).toBeGreaterThan(1);
  for (let i = 0; i < 5; i++) follower.presented(40);
  expect(rateOf(0, 1, follower)).toBeLessThan(1);
  follower.reset();
  expect(rateOf(0, 1, follower)).toBe(1);
});

test('a picture that stands still is right to a few milliseconds', () => {
  expect(offWhileStill(4)).toBe(false);
  expect(offWhileStill(-40)).toBe(true);
});

/** The same numbers for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A video in a browser that counts refreshes for each picture, as Chromium does. Times are ms. */
class Video {
  rate = 1;
  own: number;
  readonly picture: number;
  /** What is on the screen, by its moment. */
  seen = -Infinity;
  nudges = 0;
  seeks = 0;
  private stalled: number;
  private readonly phase: number;
  private readonly follower = new Follower();
  private index: number;
  private shownFor = 0;
  private steady = 0;

  constructor(
    private readonly refresh: number,
    private readonly chance: () => number,
    readonly fps: number,
    offset: number,
  ) {
    this.own = offset;
    this.picture = 1000 / fps;
    this.phase = chance() * this.picture;
    this.index = Math.floor((offset - this.phase) / this.picture);
    this.stalled = chance() * 200;
  }

  /** Between two refreshes; `janky`: some pictures come late. */
  tick(janky: boolean): void {
    if (this.stalled > 0) this.stalled -= this.refresh;
    else this.own += this.refresh * this.rate;
    this.steady = this.rate === 1 ? this.steady + this.refresh : 0;
    if (janky && this.chance() < 0.05) return;
    this.shownFor += 1;
    const count = this.picture / this.refresh;
    const whole = Math.round(count);
    const best = Math.floor((this.own + this.refresh / 2 - this.phase) / this.picture);
    let next = best;
    if (this.steady > 100 && whole > 0 && Math.abs(count - whole) < 0.002) {
      const pattern = this.shownFor >= whole ? this.index + 1 : this.index;
      const begins = pattern * this.picture + this.phase;
      const drift = Math.max(0, begins - this.own, this.own - begins - this.picture);
      if (drift <= Math.max(this.picture / 2, 17)) next = pattern;
    }
    if (next === this.index) return;
    this.index = next;
    this.shownFor = 0;
    this.seen = next * this.picture + this.phase;
    this.follower.presented((this.seen - this.own) / this.rate);
  }

  steer(clock: number): void {
    const step = this.follower.correct(this.own + (this.chance() - 0.5) * 2 - clock, 1, this.refresh);
    if (step.kind === 'seek') {
      this.seeks += 1;
      this.own = clock;
      this.stalled = this.chance() * 200;
      this.rate = 1;
      return;
    }
    if (this.rate === 1 && step.rate !== 1) this.nudges += 1;
    this.rate = step.rate;
  }
}

test('cameras of any rates come into step from anywhere, stay there, and are left in peace', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const chance = dice(seed);
    const refresh = [1000 / 60, 1000 / 30, 1000 / 50, 1000 / 75, 1000 / 144][seed % 5]!;
    const rates = [10, 12, 12.5, 15, 20, 24, 25, 30];
    const any = (): number => rates[Math.floor(chance() * rates.length)]!;
    // Where all have the same rate there is the least room.
    const all = seed % 2 === 0 ? any() : null;
    const videos = Array.from({ length: 4 }, () => new Video(refresh, chance, all ?? any(), (chance() - 0.5) * 1600));
    const slowest = Math.max(...videos.map(({ picture }) => picture));
    let [moments, apart, beat] = [0, 0, 0];
    for (let time = 0; time < 40_000; time += refresh) {
      // Ten seconds in which the machine has little time for pictures.
      for (const video of videos) video.tick(time > 8_000 && time < 18_000);
      if (time >= beat) {
        for (const video of videos) video.steer(time + refresh);
        beat = time + 100 + chance() * 40;
      }
      if (time === 0) for (const video of videos) video.nudges = 0;
      if (time < 22_000) {
        for (const video of videos) video.nudges = 0;
        continue;
      }
      moments += 1;
      const seen = videos.map(({ seen }) => seen);
      if (Math.max(...seen) - Math.min(...seen) > slowest + 5) apart += 1;
    }
    const about = `seed ${seed}, ${(1000 / refresh).toFixed(0)} Hz, ${videos.map(({ fps }) => fps).join(' ')}`;
    expect(apart / moments, `${about}: moments out of step`).toBeLessThan(0.1);
    expect(Math.max(...videos.map(({ nudges }) => nudges)), `${about}: nudges in 18 s of peace`).toBeLessThanOrEqual(1);
    expect(Math.max(...videos.map(({ seeks }) => seeks)), `${about}: seeks`).toBeLessThanOrEqual(2);
    for (const { own } of videos) expect(Math.abs(own - 40_000), about).toBeLessThan(40);
  }
});
