/** A video fed by a source buffer on which clips lie by the wall clock. Times are ms since 1970. */

import { Problem } from '../api/problem';
import type { Span } from '../footage/causes';
import { rangesOf } from '../live/latency';
import { mediaSourceClass, playsMime } from '../live/support';
import type { Piece } from './clip_reader';

/** Room before the first clip, for going back. */
const BEFORE_MS = 6 * 3_600_000;
/** Source buffers know no time beyond it. */
const LENGTH_S = 40 * 86_400;
/** Ranges this close are one: clips are exact to the picture, not to the microsecond. */
const SEAM_MS = 60;
const OPEN_MS = 10_000;
/** So many beginnings of clips are remembered. */
const LEADS = 50;

export class Unplayable extends Error {
  constructor(readonly mime: string) {
    super(mime);
  }
}

export class TimeLine {
  /** The wall-clock time of media time 0. */
  readonly epoch: number;
  private readonly source: MediaSource;
  private readonly url: string;
  private readonly opened: Promise<void>;
  private buffer: SourceBuffer | null = null;
  private mime = '';
  private closed = false;
  /** From where clips were asked for, to where their first pictures are. */
  private leads: Span[] = [];

  constructor(
    private readonly video: HTMLVideoElement,
    time: number,
  ) {
    const Source = mediaSourceClass();
    if (!Source) throw new Unplayable('');
    this.epoch = Math.floor(time) - BEFORE_MS;
    this.source = new Source();
    this.url = URL.createObjectURL(this.source);
    this.opened = new Promise((resolve, reject) => {
      this.source.addEventListener('sourceopen', () => resolve(), { once: true });
      setTimeout(() => reject(new Problem(0, 'unplayable', 'no media source opens')), OPEN_MS);
    });
    this.opened.catch(() => {});
    video.disableRemotePlayback = true;
    video.src = this.url;
    // For whoever reads back what is seen.
    video.dataset['epoch'] = String(this.epoch);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    URL.revokeObjectURL(this.url);
    this.video.removeAttribute('src');
    this.video.load();
  }

  holds(time: number): boolean {
    return time > this.epoch + 60_000 && time < this.epoch + (LENGTH_S - 3600) * 1000;
  }

  mediaTime(time: number): number {
    return (time - this.epoch) / 1000;
  }

  /** The moment that is seen. */
  get time(): number {
    return this.epoch + this.video.currentTime * 1000;
  }

  /** A clip that was asked for from here begins there: nothing lies between. */
  lead(from: number, to: number): void {
    this.leads = [...this.leads.slice(1 - LEADS), { from, to }];
  }

  /** The footage that there is around `time`, or begins right after it; null: there is none. */
  bufferedAt(time: number): Span | null {
    if (!this.buffer || this.closed || this.video.error) return null;
    let found: Span | null = null;
    for (const { start, end } of rangesOf(this.buffer.buffered)) {
      const [from, to] = [this.epoch + start * 1000, this.epoch + end * 1000];
      if (found === null) {
        if (this.leadOf(from) <= time && time < to) found = { from, to };
      } else if (from - SEAM_MS <= found.to) found = { from: found.from, to };
    }
    return found;
  }

  /** From when on nothing comes before the footage that begins `at`. */
  private leadOf(at: number): number {
    const known = this.leads.filter(({ to }) => Math.abs(to - at) < SEAM_MS).map(({ from }) => from);
    return Math.min(at - SEAM_MS, ...known);
  }

  /** Up to when there is footage from `time` on; null: there is none at `time`. */
  bufferedFrom(time: number): number | null {
    return this.bufferedAt(time)?.to ?? null;
  }

  async append(piece: Piece): Promise<void> {
    if (piece.kind === 'init') return this.begin(piece);
    if (!this.buffer || this.closed) return;
    try {
      await this.settled(() => this.buffer?.appendBuffer(piece.bytes));
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'QuotaExceededError') throw error;
      // Full: what is behind, and what is far ahead, goes.
      await this.keep(this.time - 2_000, this.time + 60_000);
      await this.settled(() => this.buffer?.appendBuffer(piece.bytes));
    }
  }

  /** Forgets all but this. */
  async keep(from: number, to: number): Promise<void> {
    const [start, end] = [this.mediaTime(from), this.mediaTime(to)];
    const ranges = this.buffer ? rangesOf(this.buffer.buffered) : [];
    const [first, last] = [ranges.at(0), ranges.at(-1)];
    if (first && first.start < start - 5) await this.settled(() => this.buffer?.remove(0, start));
    if (last && last.end > end + 5) await this.settled(() => this.buffer?.remove(end, LENGTH_S));
  }

  private async begin({ mime, bytes }: Piece & { kind: 'init' }): Promise<void> {
    if (!playsMime(mime)) throw new Unplayable(mime);
    await this.opened;
    if (this.closed) return;
    if (!this.buffer) {
      this.source.duration = LENGTH_S;
      this.buffer = this.source.addSourceBuffer(mime);
    } else if (mime !== this.mime) this.buffer.changeType(mime);
    this.mime = mime;
    await this.settled(() => this.buffer?.appendBuffer(bytes));
  }

  /** Runs an operation on the buffer, and waits until it is done. */
  private async settled(run: () => void): Promise<void> {
    const { buffer } = this;
    if (!buffer || this.closed || this.source.readyState !== 'open') return;
    const done = new AbortController();
    await new Promise<void>((resolve, reject) => {
      const failed = (): void => reject(new Problem(0, 'unplayable', this.video.error?.message ?? 'refused'));
      buffer.addEventListener('updateend', () => resolve(), { signal: done.signal });
      buffer.addEventListener('error', failed, { signal: done.signal });
      this.source.addEventListener('sourceclose', () => resolve(), { signal: done.signal });
      try {
        run();
        if (!buffer.updating) resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    }).finally(() => done.abort());
  }
}
