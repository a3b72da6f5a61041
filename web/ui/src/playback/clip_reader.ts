/**
 * Turns a clip as it arrives into what a source buffer takes. The recorder lists the first pictures
 * in `moov`, with an edit list, and follows with fragments; source buffers take fragments only, and
 * here they lie on one time line with all other clips. Pure.
 */

import { Problem } from '../api/problem';
import { boxes, type Box } from '../live/mp4';
import { fragmentOf, initOf, joined } from './fragments';
import { partsOf, samplesOfPart, tracksOf, type Sample, type Track } from './tables';

type Bytes = Uint8Array<ArrayBuffer>;

export type Piece = { kind: 'init'; mime: string; sound: boolean; bytes: Bytes } | { kind: 'media'; bytes: Bytes };

export interface Wanted {
  /** Where the clip's time 0 lies on the time line, in seconds. */
  origin: number;
  sound: boolean;
  /** Only pictures that are decoded by themselves: for speeds at which nobody could decode all. */
  keysOnly: boolean;
}

/** A box longer than this is no part of a clip. */
const LONGEST = 512 << 20;

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

export class ClipReader {
  private waiting: Uint8Array[] = [];
  private length = 0;
  /** Where `waiting` begins in the file. */
  private at = 0;
  private tracks: Track[] = [];
  private moof: Bytes | null = null;
  /** The last picture of its own, which lasts until the next one. */
  private key: { sample: Sample; media: Uint8Array } | null = null;

  constructor(private readonly wanted: Wanted) {}

  push(bytes: Uint8Array): Piece[] {
    this.waiting.push(bytes);
    this.length += bytes.byteLength;
    const need = this.needs();
    if (this.length < need) return [];
    const found: Piece[] = [];
    const whole = joined(this.waiting);
    const view = viewOf(whole);
    let used = 0;
    for (const box of boxes(view, 0, whole.byteLength)) {
      found.push(...this.box(whole, view, box));
      used = box.end;
    }
    this.waiting = [whole.subarray(used)];
    this.length -= used;
    this.at += used;
    return found;
  }

  /** What was kept back; `seconds`: how long the clip is. */
  end(seconds: number): Piece[] {
    const track = this.video();
    return track ? this.turn(track, null, track.begins + seconds * track.timescale) : [];
  }

  /** Bytes up to the end of the box that begins what waits. */
  private needs(): number {
    if (this.length < 16) return 16;
    let head = this.waiting[0]!;
    if (head.byteLength < 16) {
      this.waiting = [joined(this.waiting)];
      head = this.waiting[0]!;
    }
    const view = viewOf(head);
    const size = view.getUint32(0) === 1 ? Number(view.getBigUint64(8)) : view.getUint32(0);
    if (size < 8 || size > LONGEST) throw new Problem(0, 'garbled', 'the clip is no MP4');
    return size;
  }

  private video(): Track | undefined {
    return this.tracks.find(({ kind }) => kind === 'video');
  }

  private box(whole: Bytes, view: DataView, box: Box): Piece[] {
    const bytes = whole.subarray(box.start, box.end);
    switch (box.type) {
      case 'moov':
        return this.begin(view, box);
      case 'moof':
        this.moof = bytes.slice();
        return [];
      case 'mdat': {
        const { moof } = this;
        this.moof = null;
        return moof ? this.fragment(joined([moof, bytes])) : this.head(bytes, this.at + box.start);
      }
      default:
        return [];
    }
  }

  private begin(view: DataView, moov: Box): Piece[] {
    const all = tracksOf(view, moov);
    const sound = this.wanted.sound && !this.wanted.keysOnly;
    this.tracks = all.filter(({ kind }) => kind === 'video' || (kind === 'audio' && sound));
    if (!this.video()) throw new Problem(0, 'garbled', 'the clip has no pictures');
    const codecs = this.tracks.map(({ codec }) => codec).join(',');
    const bytes = initOf(view, moov, this.tracks.map(({ id }) => id));
    return [{ kind: 'init', mime: `video/mp4; codecs="${codecs}"`, sound: this.tracks.length > 1, bytes }];
  }

  /** Where a track's ticks lie on the time line. */
  private shift(track: Track): number {
    return Math.round(this.wanted.origin * track.timescale) - track.begins;
  }

  /** The samples that `moov` lists; `at`: where the box that holds them begins in the file. */
  private head(mdat: Uint8Array, at: number): Piece[] {
    return this.tracks.flatMap((track) => {
      const media = (sample: Sample): Uint8Array => mdat.subarray(sample.offset - at, sample.offset - at + sample.size);
      const samples = track.samples.filter((sample) => sample.offset > at && sample.offset + sample.size <= at + mdat.byteLength);
      track.samples = [];
      const first = samples[0];
      if (!first) return [];
      if (this.wanted.keysOnly) return this.keys(track, samples, media);
      return [{ kind: 'media' as const, bytes: fragmentOf(track.id, first.time + this.shift(track), samples, samples.map(media)) }];
    });
  }

  private fragment(bytes: Bytes): Piece[] {
    const view = viewOf(bytes);
    const [moof] = boxes(view, 0, bytes.byteLength);
    if (!moof) return [];
    for (const part of partsOf(view, moof)) {
      const track = this.tracks.find(({ id }) => id === part.track);
      if (track && this.wanted.keysOnly) {
        const samples = samplesOfPart(view, part, track);
        return this.keys(track, samples, ({ offset, size }) => bytes.slice(offset, offset + size));
      }
      if (track) view.setBigUint64(part.timeAt, BigInt(Math.max(0, part.time + this.shift(track))));
      // Of the same length, so that nothing else moves.
      else view.setUint32(part.box.start + 4, 0x66726565);
    }
    return this.wanted.keysOnly ? [] : [{ kind: 'media', bytes }];
  }

  private keys(track: Track, samples: readonly Sample[], media: (sample: Sample) => Uint8Array): Piece[] {
    return samples.filter(({ sync }) => sync).flatMap((sample) => this.turn(track, { sample, media: media(sample).slice() }, sample.time));
  }

  /** The kept picture, which lasts until `until`, gives way to the next. */
  private turn(track: Track, next: { sample: Sample; media: Uint8Array } | null, until: number): Piece[] {
    const last = this.key;
    this.key = next;
    if (!last) return [];
    const sample = { ...last.sample, shift: 0, duration: Math.max(1, Math.round(until - last.sample.time)) };
    return [{ kind: 'media', bytes: fragmentOf(track.id, sample.time + this.shift(track), [sample], [last.media]) }];
  }
}
