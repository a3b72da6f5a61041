import { AppendQueue } from './append_queue';
import { FIRST_TARGET, move, narrowed, rangesOf, widened } from './latency';
import { startsOf, tracksOf } from './mp4';
import { mediaSourceClass } from './support';
import type { Surface } from './surface';

/** About two seconds of a very fat stream. */
const QUEUE_BYTES = 16 << 20;
const KEEP_BEHIND = 10;
const LOOK_EVERY_MS = 250;
/** Media comes, but the picture stands still for so long: begin anew. */
const STUCK_MS = 5_000;

/** The browser's decoder gave up or shows nothing of what it has; or too much or too little came. */
export type Failure = 'decoder' | 'line';

interface Handlers {
  onPicture(): void;
  /** This sink is of no more use; a new one may be. */
  onFailure(failure: Failure): void;
}

/** Fragmented MP4 into a video element, kept near the live edge. */
export class MseSink {
  private readonly source: MediaSource;
  private readonly queue = new AppendQueue(QUEUE_BYTES);
  private readonly url: string;
  private readonly listening = new AbortController();
  private readonly timer: ReturnType<typeof setInterval>;
  private buffer: SourceBuffer | null = null;
  private mime = '';
  /** Ticks per second by track; empty until the next init segment is appended. */
  private timescales = new Map<number, number>();
  private newLine = false;
  /** A managed source tells when it wants nothing for a while; until then it is given what there is. */
  private wanted = true;
  /** It wanted nothing for so long that what it has is of no use. */
  private stale = false;
  private target = FIRST_TARGET;
  private step = 0;
  private edge = 0;
  private seen = { time: -1, at: 0 };
  /** Where the last jump went. */
  private jumped = 0;
  private shown = false;
  /** Since when there is media, by `performance.now()`. */
  private fed: number | null = null;

  constructor(
    private readonly surface: Surface,
    private readonly handlers: Handlers,
  ) {
    const Source = mediaSourceClass();
    if (!Source) throw new Error('no media source');
    this.source = new Source();
    const video = surface.video;
    const signal = this.listening.signal;
    // A managed source opens only for a video that is shown nowhere else.
    video.disableRemotePlayback = true;
    this.url = URL.createObjectURL(this.source);
    this.source.addEventListener('sourceopen', () => this.pump(), { signal });
    this.source.addEventListener('startstreaming', () => this.want(true), { signal });
    this.source.addEventListener('endstreaming', () => this.want(false), { signal });
    video.addEventListener('error', () => this.fail('decoder'), { signal });
    video.addEventListener('waiting', () => this.ranDry(), { signal });
    video.src = this.url;
    this.timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  begin(mime: string, init: Uint8Array): void {
    this.queue.begin({ mime, bytes: init });
    this.pump();
  }

  push(fragment: Uint8Array): void {
    if (!this.queue.push(fragment)) {
      if (this.wanted) return this.fail('line');
      // Nobody wants it now; when it is wanted again, the stream begins anew.
      this.queue.clear();
      this.stale = true;
    }
    this.pump();
  }

  private want(wanted: boolean): void {
    this.wanted = wanted;
    if (wanted && this.stale) this.fail('line');
    else this.pump();
  }

  /** Leaves the last picture to whoever comes next. */
  close(): void {
    this.listening.abort();
    clearInterval(this.timer);
    this.queue.clear();
    URL.revokeObjectURL(this.url);
    this.surface.empty();
  }

  /** Right after a jump the decoder waits anyway, which says nothing about the line. */
  private ranDry(): void {
    if (this.surface.video.currentTime > this.jumped + 1) this.target = widened(this.target);
  }

  private fail(failure: Failure): void {
    if (!this.listening.signal.aborted) this.handlers.onFailure(failure);
  }

  private pump(): void {
    if (this.source.readyState !== 'open' || this.buffer?.updating || this.surface.video.error) return;
    if (!this.wanted || this.stale) return;
    try {
      if (this.trim()) return;
      const piece = this.queue.take();
      if (piece?.kind === 'init') this.appendInit(piece.init.mime, piece.init.bytes);
      else if (piece) this.appendMedia(piece.bytes, piece.first);
    } catch {
      this.fail('decoder');
    }
  }

  private appendInit(mime: string, bytes: Uint8Array): void {
    if (!this.buffer) {
      this.buffer = this.source.addSourceBuffer(mime);
      this.buffer.addEventListener('updateend', () => this.appended(), { signal: this.listening.signal });
    } else if (mime !== this.mime) {
      this.buffer.changeType(mime);
    }
    this.mime = mime;
    this.timescales = new Map(tracksOf(bytes).map((track) => [track.id, track.timescale]));
    this.newLine = true;
    this.buffer.appendBuffer(new Uint8Array(bytes));
  }

  /** Each init segment begins a new time line; it is laid end to end with the one before. */
  private appendMedia(bytes: Uint8Array<ArrayBuffer>, first: Uint8Array): void {
    const buffer = this.buffer;
    if (!buffer) return;
    if (this.newLine) {
      const start = startsOf(first)[0];
      const scale = start ? this.timescales.get(start.track) : undefined;
      const begins = start && scale ? start.time / scale : 0;
      const end = buffer.buffered.length > 0 ? buffer.buffered.end(buffer.buffered.length - 1) : 0;
      buffer.timestampOffset = end - begins;
      this.newLine = false;
    }
    this.fed ??= performance.now();
    buffer.appendBuffer(bytes);
  }

  private appended(): void {
    const end = rangesOf(this.surface.video.buffered).at(-1)?.end ?? 0;
    if (end > this.edge) {
      const grown = end - this.edge;
      // The first delivery is the cached GOP, which says nothing about the pace.
      if (this.edge > 0) this.step = Math.min(2, this.step * 0.8 + grown * 0.2);
      this.edge = end;
    }
    this.steer();
    this.pump();
  }

  /** True while the buffer is busy with it. */
  private trim(): boolean {
    const [first] = this.buffer ? rangesOf(this.buffer.buffered) : [];
    const keep = this.surface.video.currentTime - KEEP_BEHIND;
    if (!first || first.start >= keep - KEEP_BEHIND) return false;
    this.buffer?.remove(0, keep);
    return true;
  }

  private steer(): void {
    const video = this.surface.video;
    const ranges = rangesOf(video.buffered);
    if (ranges.length === 0) return;
    const { seek, rate } = move({
      time: video.currentTime,
      ranges,
      rate: video.playbackRate,
      target: this.target,
      step: this.step,
    });
    if (seek !== null && !video.seeking) {
      video.currentTime = seek;
      this.jumped = seek;
    }
    if (video.playbackRate !== rate) video.playbackRate = rate;
    if (video.paused) void video.play().catch(() => {});
    if (!this.shown) {
      this.shown = true;
      this.surface.release(() => this.handlers.onPicture());
    }
  }

  private look(): void {
    const { currentTime } = this.surface.video;
    const now = performance.now();
    // Nothing counts as there until every track has something: sound that is declared but does not come is waited for.
    if (!this.shown && this.wanted && this.fed !== null && now - this.fed > STUCK_MS) return this.fail('decoder');
    if (currentTime !== this.seen.time || this.edge - currentTime < 0.5) {
      this.seen = { time: currentTime, at: now };
    } else if (!this.wanted) {
      this.seen.at = now;
    } else if (now - this.seen.at > STUCK_MS) {
      this.fail('decoder');
    }
    this.target = narrowed(this.target);
    this.steer();
  }
}
