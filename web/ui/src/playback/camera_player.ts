/** One camera of a playback: fetches its footage ahead of the clock, and keeps its video on the clock. */

import { api } from '../api/client';
import { Problem, wordsOf } from '../api/problem';
import type { GapCause, StreamName } from '../api/types';
import type { Span } from '../footage/causes';
import { fetchClip } from './clip_source';
import { silentMime, soundOf } from '../live/mp4';
import type { Unheard } from '../live/sound';
import { playsMime } from '../live/support';
import type { Surface } from '../live/surface';
import { Follower, offWhileStill } from './follow';
import { FootageMap } from './footage_map';
import { Presented } from './presented';
import { TimeLine, Unplayable } from './time_line';
import type { Turns } from './turns';

export type Shown =
  | { phase: 'loading' }
  | { phase: 'shown' }
  /** Nothing was recorded; null: for no known reason. */
  | { phase: 'gap'; cause: GapCause | null }
  | { phase: 'failed'; words: string; unplayable: boolean };

/** What the clock says. */
export interface Beat {
  time: number;
  /** When it said so, by `performance.now()`. */
  at: number;
  running: boolean;
  speed: number;
  /** Of the screen, in ms. */
  refresh: number;
  /** The recorder's clock. */
  now: number;
}

interface Options {
  camera: string;
  /** The better first. */
  streams: readonly StreamName[];
  sound: boolean;
  keysOnly: boolean;
  turns: Turns;
  onChange(shown: Shown): void;
  /** Its sound cannot be played; the picture goes on without. */
  onUnheard(unheard: Unheard): void;
}

const AHEAD_MS = 10_000;
/** The first piece is short, so that all cameras have a picture soon. */
const FIRST_MS = 4_000;
const PIECE_MS = 20_000;
const KEEP_BEHIND_MS = 40_000;
/** What is known of footage around the moment. */
const MAP = { before: 10 * 60_000, after: 30 * 60_000, margin: 60_000, freshMs: 2_500 };
/** After an error. */
const AGAIN_MS = 3_000;
/** A browser has only what it has with sound, where there is a track of sound. */
const SHORT_OF_SOUND_MS = 1_000;
/** So much must be there to go on. */
const ENOUGH_MS = 250;
/** The first picture is waited for standing still if it is further away. */
const BEFORE_MS = 100;
/** Where a browser does not say that it presented a picture, it has by then. */
const PRESENTED_MS = 500;

export class CameraPlayer {
  private beat: Beat | null = null;
  private line: TimeLine | null = null;
  private map = new FootageMap(null, null);
  private mapped = { asking: false, at: -Infinity };
  private stream: StreamName;
  /** What is being fetched. */
  private fetching: { span: Span; stop: AbortController } | null = null;
  /** There was nothing, although the recorder lists it. */
  private hollow: { span: Span; until: number } | null = null;
  private resting = -Infinity;
  private failure: Shown | null = null;
  private shown: Shown = { phase: 'loading' };
  private closed = false;
  /** Sound is declared but missing: without it there are pictures at least. */
  private deaf = false;
  /** This browser lacks the sound's codec. */
  private unheard = false;
  private fresh = true;

  private readonly video: HTMLVideoElement;
  private readonly follower = new Follower();
  private readonly presented: Presented;
  /** When it last went elsewhere, by `performance.now()`. */
  private went = -Infinity;

  constructor(
    private readonly surface: Surface,
    private readonly options: Options,
  ) {
    this.video = surface.video;
    this.stream = options.streams[0] ?? 'main';
    this.video.muted = !options.sound;
    this.presented = new Presented(this.video, (early) => this.follower.presented(early));
  }

  get playing(): StreamName {
    return this.stream;
  }

  get id(): string {
    return this.options.camera;
  }

  /** Another moment, which may be far away. */
  jump(): void {
    this.fresh = true;
    this.resting = -Infinity;
    this.failure = this.failure?.phase === 'failed' && this.failure.unplayable ? this.failure : null;
    this.hollow = null;
    this.deaf = false;
    this.show(this.failure ?? { phase: 'loading' });
  }

  close(): void {
    this.closed = true;
    this.fetching?.stop.abort();
    this.presented.close();
    this.leaveLine();
  }

  /** Once per beat. */
  follow(beat: Beat): void {
    this.beat = beat;
    this.learn();
    const place = this.place(beat.time);
    if (this.failure) this.show(this.failure);
    else if (place.kind === 'gap') {
      this.still();
      this.show({ phase: 'gap', cause: place.cause });
    } else this.steer(beat);
    void this.feed();
  }

  /** It should have a picture of this moment, and has none yet. */
  get late(): boolean {
    return this.shown.phase === 'loading';
  }

  /** The next moment with footage within what is known. */
  nextFootage(time: number): number | null {
    return this.map.next(time, 1_000)?.from ?? null;
  }

  private place(time: number): ReturnType<FootageMap['at']> {
    const { hollow } = this;
    if (hollow && hollow.span.from <= time && time < hollow.span.to) return { kind: 'gap', cause: null };
    return this.map.at(time);
  }

  private steer({ time: said, at, running, speed, refresh }: Beat): void {
    const { line, video } = this;
    // Other cameras were steered since.
    const time = running ? said + (performance.now() - at) * speed : said;
    const there = line?.bufferedAt(time) ?? null;
    if (!line || there === null) {
      this.still();
      return this.show({ phase: 'loading' });
    }
    // Footage, and sound even more, may begin a little after the moment; before it there is no picture to wait for.
    const nearest = Math.max(time, there.from + 1);
    const error = line.time - nearest;
    const goal = line.mediaTime(nearest);
    if (!running || there.from - time > BEFORE_MS) {
      this.still();
      if (offWhileStill(error) && !video.seeking) this.go(goal);
      const ready = !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && !offWhileStill(line.time - nearest);
      return this.show({ phase: ready && this.presentedSince(this.went) ? 'shown' : 'loading' });
    }
    // At the end of what is fetched it would stop by itself, a little off the clock.
    const scant = there.to - time < ENOUGH_MS * speed && !this.endsThere(there.to);
    const step = this.follower.correct(error, speed, refresh);
    if (video.seeking || video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA || scant) {
      if (!video.seeking && step.kind === 'seek') this.go(goal);
      if (scant) this.still();
      return this.show({ phase: 'loading' });
    }
    if (step.kind === 'seek') this.go(goal);
    else if (step.rate === speed || Math.abs(video.playbackRate - step.rate) > 0.002) video.playbackRate = step.rate;
    if (video.paused) void video.play().catch(() => {});
    this.show({ phase: 'shown' });
  }

  private go(mediaTime: number): void {
    this.video.currentTime = mediaTime;
    this.went = performance.now();
    this.follower.reset();
  }

  private presentedSince(time: number): boolean {
    return this.presented.last > time || performance.now() - time > PRESENTED_MS;
  }

  private endsThere(until: number): boolean {
    return this.map.at(until + 50).kind === 'gap';
  }

  private still(): void {
    if (!this.video.paused) this.video.pause();
    this.follower.reset();
  }

  /** Keeps what is known of the footage around the moment. */
  private learn(): void {
    const { beat, mapped, map } = this;
    if (!beat || mapped.asking || performance.now() - mapped.at < MAP.freshMs) return;
    const known = map.known;
    const enough = known && beat.time - MAP.margin >= known.from && beat.time + MAP.margin < known.to;
    if (enough) return;
    const span = { from: Math.round(beat.time - MAP.before), to: Math.round(beat.time + MAP.after) };
    mapped.asking = true;
    const of = this.stream;
    api
      .recordings(this.options.camera, of, span.from, span.to)
      .then((recordings) => {
        if (of !== this.stream) return;
        // Beyond now nothing is known.
        this.map = new FootageMap(recordings, { from: span.from, to: Math.min(span.to, beat.now) });
        if (this.map.at(beat.time).kind === 'gap' && this.map.spans.length === 0) this.otherStream();
      })
      .catch((problem: unknown) => this.trouble(problem))
      .finally(() => Object.assign(mapped, { asking: false, at: of === this.stream ? performance.now() : -Infinity }));
  }

  /** Nothing at all was recorded of this stream around here. */
  private otherStream(): void {
    const next = this.options.streams[this.options.streams.indexOf(this.stream) + 1];
    if (next === undefined) return;
    this.stream = next;
    this.map = new FootageMap(null, null);
    this.fetching?.stop.abort();
    this.leaveLine();
  }

  /** What to ask for now, if anything. */
  private wanted(beat: Beat): Span | null {
    const { line } = this;
    const end = line?.bufferedFrom(beat.time) ?? null;
    const ahead = AHEAD_MS * Math.max(1, beat.speed);
    const at = end ?? beat.time;
    if (at - beat.time > ahead) return null;
    const first = end === null && this.fresh;
    const most = first ? FIRST_MS * Math.max(1, beat.speed / 2) : PIECE_MS * Math.max(1, beat.speed / 2);
    let next = this.map.next(at, most, beat.time + ahead);
    const { hollow } = this;
    if (next && hollow && beat.now < hollow.until && hollow.span.from <= next.from && next.from < hollow.span.to) {
      next = this.map.next(hollow.span.to, most, beat.time + ahead);
    }
    // What lies behind a gap may be here already.
    if (next && line?.bufferedFrom(next.from + 1) != null) {
      const beyond = line.bufferedFrom(next.from + 1) ?? next.to;
      next = this.map.next(beyond, most, beat.time + ahead);
    }
    return next;
  }

  private async feed(): Promise<void> {
    const { beat, fetching } = this;
    if (!beat || this.closed) return;
    if (fetching) {
      const { from, to } = fetching.span;
      if (beat.time < from - AHEAD_MS * beat.speed * 2 || beat.time > to) fetching.stop.abort();
      return;
    }
    if (performance.now() < this.resting || this.failure) return;
    const span = this.wanted(beat);
    if (!span) return;
    const stop = new AbortController();
    this.fetching = { span, stop };
    const turn = await this.options.turns.take(stop.signal);
    try {
      if (turn) await this.fetch(span, beat, stop.signal);
    } catch (problem) {
      if (!stop.signal.aborted && !this.closed) this.trouble(problem, span);
    } finally {
      turn?.();
      this.fetching = null;
    }
  }

  private async fetch(span: Span, beat: Beat, signal: AbortSignal): Promise<void> {
    if (this.line && (!this.line.holds(span.from) || this.video.error)) {
      this.leaveLine();
    }
    const line = (this.line ??= this.newLine(span.from));
    const { camera, sound, keysOnly } = this.options;
    const asked = { camera, stream: this.stream, span, epoch: line.epoch, sound: sound && !this.deaf && !this.unheard, keysOnly };
    const got = await fetchClip(asked, (piece) => line.append(piece), signal);
    if (asked.sound && (line.bufferedAt(got.from + 100)?.to ?? 0) < got.to - SHORT_OF_SOUND_MS) {
      this.deaf = true;
      this.leaveLine();
      return;
    }
    this.fresh = false;
    line.lead(span.from, got.from);
    // The last picture may end before the stretch that the recorder lists does.
    if (span.to - got.to > 1_500) this.hollow = { span: { from: got.to, to: span.to }, until: beat.now + AGAIN_MS };
    const now = this.beat?.time ?? beat.time;
    await line.keep(now - KEEP_BEHIND_MS * Math.max(1, beat.speed / 4), now + 6 * AHEAD_MS * Math.max(1, beat.speed));
  }

  private newLine(time: number): TimeLine {
    const line = new TimeLine(this.video, time);
    this.surface.release();
    return line;
  }

  /** The last picture stays until there is another. */
  private leaveLine(): void {
    if (!this.line) return;
    this.surface.hold();
    this.line.close();
    this.line = null;
  }

  private trouble(problem: unknown, span?: Span): void {
    const now = this.beat?.now ?? 0;
    if (problem instanceof Unplayable) {
      const codec = soundOf(problem.mime);
      if (codec !== null && playsMime(silentMime(problem.mime))) {
        this.unheard = true;
        this.options.onUnheard({ codec, why: 'codec' });
        return this.leaveLine();
      }
      this.failure = { phase: 'failed', words: problem.mime, unplayable: true };
      return;
    }
    if (problem instanceof Problem && problem.code === 'mixed_formats' && span) {
      const cut = problem.cutAt.find((time) => time > span.from + 1);
      if (cut !== undefined) {
        this.map = this.map.cutAt(cut);
        return;
      }
    }
    this.resting = performance.now() + AGAIN_MS;
    if (problem instanceof Problem && problem.code === 'no_footage' && span) {
      this.hollow = { span, until: now + AGAIN_MS };
      return;
    }
    this.failure = { phase: 'failed', words: wordsOf(problem), unplayable: false };
    setTimeout(() => {
      if (this.failure?.phase === 'failed' && !this.failure.unplayable) this.failure = null;
    }, AGAIN_MS);
  }

  private show(shown: Shown): void {
    const same = JSON.stringify(shown) === JSON.stringify(this.shown);
    this.shown = shown;
    if (!same) this.options.onChange(shown);
  }
}
