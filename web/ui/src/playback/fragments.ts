/** Writing what a source buffer takes (ISO/IEC 14496-12): an init segment without samples, and fragments. Pure. */

import { boxes, type Box } from '../live/mp4';
import type { Sample } from './tables';

type Bytes = Uint8Array<ArrayBuffer>;

export function joined(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

const u32 = (...values: number[]): Bytes => {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value >>> 0));
  return bytes;
};

const u64 = (value: number): Bytes => {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
};

function box(type: string, ...body: Uint8Array[]): Bytes {
  const inside = joined(body);
  const letters = Uint8Array.from(type, (letter) => letter.charCodeAt(0));
  return joined([u32(inside.byteLength + 8), letters, inside]);
}

/** Tables of samples: in an init segment they are empty. */
const EMPTY: Record<string, () => Bytes> = {
  stts: () => box('stts', u32(0, 0)),
  stsc: () => box('stsc', u32(0, 0)),
  stsz: () => box('stsz', u32(0, 0, 0)),
  co64: () => box('stco', u32(0, 0)),
  stco: () => box('stco', u32(0, 0)),
};
/** What only samples in `moov` need; times are moved here, not by an edit list. */
const DROPPED = new Set(['edts', 'ctts', 'stss', 'sgpd', 'sbgp', 'udta', 'meta', 'mvex']);
const INNER = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl']);

/** An init segment with these tracks of a `moov`. */
export function initOf(view: DataView, moov: Box, tracks: readonly number[]): Bytes {
  const idOf = (trak: Box): number => {
    for (const inside of boxes(view, trak.body, trak.end)) {
      if (inside.type === 'tkhd') return view.getUint32(inside.body + (view.getUint8(inside.body) === 1 ? 20 : 12));
    }
    return 0;
  };
  const copy = (from: Box): Bytes => {
    const whole = new Uint8Array(view.buffer, view.byteOffset + from.start, from.end - from.start).slice();
    if (!INNER.has(from.type)) return EMPTY[from.type]?.() ?? whole;
    const kept = [...boxes(view, from.body, from.end)].filter(
      (inside) => !DROPPED.has(inside.type) && (inside.type !== 'trak' || tracks.includes(idOf(inside))),
    );
    const extends_ = from.type === 'moov' ? [box('mvex', ...tracks.map((id) => box('trex', u32(0, id, 1, 0, 0, 0))))] : [];
    return box(from.type, ...kept.map(copy), ...extends_);
  };
  const brands = Uint8Array.from('iso6\0\0\0\0iso6mp41', (letter) => letter.charCodeAt(0));
  return joined([box('ftyp', brands), copy(moov)]);
}

const SYNC = 0x02000000;
const OTHER = 0x01010000;

/** A fragment of one track; `time`: decode time of its first sample. */
export function fragmentOf(track: number, time: number, samples: readonly Sample[], media: readonly Uint8Array[]): Bytes {
  const rows = samples.map(({ duration, size, sync, shift }) => u32(duration, size, sync ? SYNC : OTHER, shift));
  const moof = (offset: number): Bytes =>
    box(
      'moof',
      box('mfhd', u32(0, 1)),
      box(
        'traf',
        box('tfhd', u32(0x020000, track)),
        box('tfdt', u32(0x01000000), u64(Math.max(0, Math.round(time)))),
        box('trun', u32(0x01000f01, samples.length, offset), ...rows),
      ),
    );
  return joined([moof(moof(0).byteLength + 8), box('mdat', ...media)]);
}
