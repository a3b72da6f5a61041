/** What the timeline shows, asked for by fineness while what is there already stays. */

import { Problem, wordsOf } from '../api/problem';
import { timeline } from '../api/timeline';
import type { Cause } from '../api/types';
import type { Span } from '../footage/causes';
import { clock } from '../state/clock.svelte';
import { keyOf, nextStart, TimelineStore, tilesOf, type Lane, type Tile } from './timeline';

/** Of six connections. */
const AT_ONCE = 2;
const AGAIN_MS = 5_000;
const DAY = 86_400_000;

export class TimelineData {
  /** Counts what came. */
  version = $state(0);
  busy = $state(false);
  /** The recorder's words; null: all is well. */
  problem: string | null = $state(null);
  /** This recorder is older than the timeline. */
  absent = $state(false);
  private readonly store = new TimelineStore();
  private readonly underWay = new Map<string, AbortController>();
  private resting = -Infinity;
  private wanted: Tile[] = [];

  constructor(private readonly cameras: readonly string[]) {}

  /** Asks for what is missing of the view; what is no longer looked at is given up. */
  want(view: Span, step: number): void {
    if (this.absent || this.cameras.length === 0) return;
    this.wanted = this.store.missing(view, step, performance.now(), clock.now());
    const still = new Set(tilesOf(view, step).map(keyOf));
    for (const [key, stop] of this.underWay) if (!still.has(key)) stop.abort();
    this.pump();
  }

  lane(camera: string, view: Span, step: number): Lane & { unknown: [number, number][] } {
    return this.store.lane(camera, view, step);
  }

  /** All lanes of a span, asked for if need be. */
  async lanes(span: Span, step: number): Promise<Lane[]> {
    for (const tile of this.store.missing(span, step, performance.now(), clock.now())) await this.fetch(tile, new AbortController().signal);
    return this.cameras.map((camera) => this.store.lane(camera, span, step));
  }

  /** The next footage (for one of these reasons) after `time`; null: there is none up to now. */
  async next(time: number, causes: ReadonlySet<Cause> | null = null): Promise<number | null> {
    const now = clock.now();
    for (const [length, step] of [[DAY / 4, 15], [7 * DAY, 900], [90 * DAY, 3_600], [400 * DAY, 14_400]] as const) {
      const found = nextStart(await this.lanes({ from: time, to: Math.min(now, time + length) }, step), time, causes);
      // Coarse spans may begin before there is footage: looked at closer there.
      if (found !== null && step > 15 && found > time) {
        const near = nextStart(await this.lanes({ from: found, to: found + step * 2_000 }, 15), found, causes);
        return near ?? found;
      }
      if (found !== null) return found;
      if (time + length > now) return null;
    }
    return null;
  }

  close(): void {
    for (const stop of this.underWay.values()) stop.abort();
    this.wanted = [];
  }

  private pump(): void {
    if (performance.now() < this.resting) return;
    for (const tile of this.wanted) {
      if (this.underWay.size >= AT_ONCE) break;
      if (!this.underWay.has(keyOf(tile))) void this.ask(tile);
    }
    this.busy = this.underWay.size > 0;
  }

  private async ask(tile: Tile): Promise<void> {
    const stop = new AbortController();
    this.underWay.set(keyOf(tile), stop);
    try {
      await this.fetch(tile, stop.signal);
      this.problem = null;
    } catch (error) {
      if (!stop.signal.aborted) this.trouble(error);
    } finally {
      this.underWay.delete(keyOf(tile));
      this.wanted = this.wanted.filter((one) => one !== tile);
      this.pump();
    }
  }

  private async fetch(tile: Tile, signal: AbortSignal): Promise<void> {
    const asked = performance.now();
    const lanes = await timeline(this.cameras, tile.from, tile.to, tile.step, signal);
    this.store.put(tile, lanes, asked, clock.now());
    this.version += 1;
  }

  private trouble(error: unknown): void {
    if (error instanceof Problem && error.status === 404 && error.code === 'not_found') this.absent = true;
    this.problem = wordsOf(error);
    this.resting = performance.now() + AGAIN_MS;
  }
}
