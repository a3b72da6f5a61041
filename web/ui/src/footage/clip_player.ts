import { at } from '../api/base';
import { Problem, wordsOf } from '../api/problem';
import type { StreamName } from '../api/types';
import type { Surface } from '../live/surface';
import { mediaTime, openClip, wallClock, type Clip } from './clip';

export interface Playback {
  phase: 'loading' | 'playing' | 'paused' | 'failed';
  /** Wall-clock time of the picture, ms since 1970. */
  time: number;
  /** Why it failed, for people. */
  error: string | null;
}

interface Handlers {
  onChange(playback: Playback): void;
  /** The end of what is recorded so far. */
  onCaughtUp(): void;
  /** The recorder's clock, ms since 1970. */
  now(): number;
}

/** Footage that ends this close to now ends in the present. */
const PRESENT_MS = 4_000;

/** Plays one stream's footage on a surface, from clip to clip, by the wall clock. */
export class ClipPlayer {
  private clip: Clip | null = null;
  private listening: AbortController | null = null;
  private turn = 0;
  private wantsToPlay = true;
  private speed = 1;
  private state: Playback = { phase: 'loading', time: 0, error: null };

  constructor(
    private readonly surface: Surface,
    private readonly camera: string,
    private readonly stream: StreamName,
    private readonly handlers: Handlers,
  ) {}

  /** Plays from `time`, within what is loaded if possible. */
  async seek(time: number): Promise<void> {
    const video = this.surface.video;
    const within = this.clip && mediaTime(this.clip, time);
    if (within !== null && video.readyState >= HTMLMediaElement.HAVE_METADATA) {
      video.currentTime = within;
      this.change({ time });
      if (this.wantsToPlay) void video.play().catch(() => {});
      return;
    }
    if (time > this.handlers.now() - PRESENT_MS / 2) return this.handlers.onCaughtUp();
    const turn = ++this.turn;
    this.change({ phase: 'loading', time, error: null });
    try {
      const clip = await openClip(this.camera, this.stream, Math.round(time));
      if (turn === this.turn) this.load(clip);
    } catch (problem) {
      if (turn === this.turn) this.failed(problem, time);
    }
  }

  skip(seconds: number): void {
    void this.seek(this.state.time + seconds * 1000);
  }

  toggle(): void {
    const video = this.surface.video;
    this.wantsToPlay = this.state.phase === 'failed' || !this.wantsToPlay;
    if (this.state.phase === 'failed') void this.seek(this.state.time);
    else if (!this.clip) return;
    else if (this.wantsToPlay) void video.play().catch(() => {});
    else video.pause();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.surface.video.playbackRate = speed;
  }

  /** Leaves the last picture to whoever comes next. */
  close(): void {
    this.turn += 1;
    this.listening?.abort();
    this.listening = null;
    this.clip = null;
    this.surface.video.playbackRate = 1;
    this.surface.video.defaultPlaybackRate = 1;
    this.surface.empty();
  }

  private load(clip: Clip): void {
    const video = this.surface.video;
    this.listening?.abort();
    this.listening = new AbortController();
    const signal = this.listening.signal;
    this.surface.hold();
    this.clip = clip;
    const on = (type: string, run: () => void): void => video.addEventListener(type, run, { signal });
    on('timeupdate', () => this.change({ time: wallClock(clip, video.currentTime) }));
    on('seeking', () => this.change({ time: wallClock(clip, video.currentTime) }));
    on('playing', () => this.change({ phase: 'playing' }));
    on('waiting', () => this.change({ phase: 'loading' }));
    on('seeked', () => this.change({ phase: video.paused ? 'paused' : 'playing' }));
    on('pause', () => {
      if (!video.ended) this.change({ phase: 'paused' });
    });
    on('ended', () => this.next(clip));
    on('error', () => void this.explain(clip));
    this.surface.release();
    video.src = at(clip.url);
    // A new source resets the rate to its default.
    video.defaultPlaybackRate = this.speed;
    video.playbackRate = this.speed;
    if (this.wantsToPlay) void video.play().catch(() => this.change({ phase: 'paused' }));
    else this.change({ phase: 'paused' });
  }

  private next(clip: Clip): void {
    this.clip = null;
    if (clip.to >= this.handlers.now() - PRESENT_MS) this.handlers.onCaughtUp();
    else void this.seek(clip.to);
  }

  /** A video element tells little; the recorder says why. */
  private async explain(clip: Clip): Promise<void> {
    const turn = ++this.turn;
    this.clip = null;
    const words = this.surface.video.error?.message ?? '';
    const problem = await openClip(this.camera, this.stream, clip.from).then(
      () => new Problem(0, 'unplayable', words),
      (error: unknown) => error,
    );
    if (turn === this.turn) this.failed(problem, this.state.time);
  }

  private failed(problem: unknown, time: number): void {
    if (problem instanceof Problem && problem.code === 'no_footage' && time > this.handlers.now() - 60_000)
      return this.handlers.onCaughtUp();
    this.change({ phase: 'failed', time, error: wordsOf(problem) });
  }

  private change(part: Partial<Playback>): void {
    this.state = { ...this.state, ...part };
    this.handlers.onChange(this.state);
  }
}
