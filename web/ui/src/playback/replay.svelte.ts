/** A playback of many cameras: the clock, who follows it, and what the page shows of them. */

import type { StreamName } from '../api/types';
import type { Unheard } from '../live/sound';
import type { Surface } from '../live/surface';
import { clock as recorderClock } from '../state/clock.svelte';
import { CameraPlayer, type Shown } from './camera_player';
import { SPEEDS } from './choice';
import { MasterClock } from './master_clock';
import { Patience } from './patience';
import { Refresh } from './refresh';
import { Turns } from './turns';

const BEAT_MS = 100;
/** What is newer than this may not be on a disk yet. */
const EDGE_MS = 8_000;
/** Of six connections. */
const FETCHES = 4;
/** How often the next footage is looked for while there is none. */
const LOOK_MS = 2_000;

export interface WindowOptions {
  streams: readonly StreamName[];
  sound: boolean;
  keysOnly: boolean;
}

export class Replay {
  /** What is seen, ms since 1970. */
  time = $state(0);
  /** The viewer wants it to run. */
  playing = $state(true);
  speed = $state(1);
  /** It stands still for a camera whose footage is late. */
  waiting = $state(false);
  /** No camera has footage here. */
  nowhere = $state(false);
  shown: Record<string, Shown> = $state({});
  /** Whose sound cannot be played. */
  unheard: Record<string, Unheard | null> = $state({});
  /** Counts the jumps, and where the last one went. */
  jumped = $state.raw({ count: 0, to: 0 });
  /** Looks for footage after a moment where no camera has any; null: there is none. */
  findNext: (time: number) => Promise<number | null> = () => Promise.resolve(null);
  /** Told where it went by itself. */
  onSkipped: (time: number) => void = () => {};

  private readonly clock: MasterClock;
  private readonly players = new Map<string, CameraPlayer>();
  private readonly patience = new Patience();
  private readonly turns = new Turns(FETCHES);
  private readonly refresh = new Refresh();
  private looked = { at: -Infinity, busy: false };

  constructor(time: number) {
    this.clock = new MasterClock(this.within(time));
    this.time = this.clock.time(0);
    this.patience.jump(performance.now());
  }

  start(): () => void {
    const timer = setInterval(() => this.beat(), BEAT_MS);
    return () => {
      clearInterval(timer);
      for (const player of this.players.values()) player.close();
      this.players.clear();
    };
  }

  /** A window joins; the answer takes it away. */
  attach(camera: string, surface: Surface, options: WindowOptions): () => void {
    const onChange = (shown: Shown): void => void (this.shown[camera] = shown);
    const player = new CameraPlayer(surface, { camera, ...options, turns: this.turns, onChange, onUnheard: (unheard) => (this.unheard[camera] = unheard) });
    this.players.set(camera, player);
    this.patience.forget(camera);
    this.shown[camera] = { phase: 'loading' };
    this.unheard[camera] = null;
    return () => {
      player.close();
      if (this.players.get(camera) === player) this.players.delete(camera);
      this.patience.forget(camera);
    };
  }

  seek(time: number): void {
    const now = performance.now();
    this.clock.seek(this.within(time), now);
    this.time = this.clock.time(now);
    this.jumped = { count: this.jumped.count + 1, to: this.time };
    this.patience.jump(now);
    this.looked.at = -Infinity;
    for (const player of this.players.values()) player.jump();
    this.beat();
  }

  skip(seconds: number): void {
    this.seek(this.time + seconds * 1000);
  }

  play(): void {
    this.playing = true;
    this.beat();
  }

  pause(): void {
    this.playing = false;
    this.beat();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.clock.setSpeed(speed, performance.now());
  }

  /** So many speeds faster, or slower. */
  faster(by: number): void {
    const speed = SPEEDS[SPEEDS.findIndex((one) => one === this.speed) + by];
    if (speed !== undefined) this.setSpeed(speed);
  }

  /** The stream that a window shows now. */
  streamOf(camera: string): StreamName | null {
    return this.players.get(camera)?.playing ?? null;
  }

  /** Those whose footage is meant when a camera's is: first the one that is shown. */
  streamsOf(camera: string): StreamName[] {
    return this.streamOf(camera) === 'sub' ? ['sub', 'main'] : ['main', 'sub'];
  }

  private within(time: number): number {
    return Math.min(time, recorderClock.now() - EDGE_MS);
  }

  private beat(): void {
    const now = performance.now();
    const recorder = recorderClock.now();
    if (this.clock.time(now) > recorder - EDGE_MS) {
      this.clock.seek(recorder - EDGE_MS, now);
      if (this.speed > 1) this.setSpeed(1);
    }
    const players = [...this.players.values()];
    const late = new Set(players.filter((player) => player.late).map(({ id }) => id));
    this.waiting = this.patience.wait(players.map(({ id }) => id), late, now) && this.playing;
    const nowhere = players.length > 0 && players.every(({ id }) => this.shown[id]?.phase === 'gap');
    if (this.nowhere !== nowhere) this.nowhere = nowhere;
    if (nowhere && this.playing) void this.leap(now);
    if (this.playing && !this.waiting && players.length > 0 && !nowhere) this.clock.run(now);
    else this.clock.hold(now);
    const time = this.clock.time(now);
    this.time = time;
    const { running } = this.clock;
    if (running) this.refresh.look(now);
    for (const player of players) player.follow({ time, at: now, running, speed: this.speed, refresh: this.refresh.ms, now: recorder });
  }

  /** On to the next footage of any camera. */
  private async leap(now: number): Promise<void> {
    if (this.looked.busy || now - this.looked.at < LOOK_MS) return;
    this.looked = { at: now, busy: true };
    const { time, jumped } = this;
    const near = [...this.players.values()].map((player) => player.nextFootage(time)).filter((next) => next !== null);
    const next = near.length > 0 ? Math.min(...near) : await this.findNext(time).catch(() => null);
    this.looked.busy = false;
    if (next === null || next <= time || jumped !== this.jumped || !this.playing || next >= this.within(Infinity)) return;
    this.seek(next);
    this.onSkipped(next);
  }
}
