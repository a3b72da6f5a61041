/**
 * What a player must know of a live stream's bytes (ISO/IEC 14496-12): which tracks there are,
 * and when a fragment begins. Bytes come from the network, so nothing is taken on trust: what
 * does not parse is skipped.
 */

export interface Box {
  type: string;
  start: number;
  /** First byte after the header. */
  body: number;
  end: number;
}

export interface TrackInfo {
  id: number;
  kind: 'video' | 'audio' | 'other';
  /** Ticks per second. */
  timescale: number;
}

export interface FragmentStart {
  track: number;
  /** Decode time in ticks of the track. */
  time: number;
}

export function* boxes(view: DataView, from: number, to: number): Generator<Box> {
  let at = from;
  while (at + 8 <= to) {
    let size = view.getUint32(at);
    let header = 8;
    if (size === 1 && at + 16 <= to) {
      size = Number(view.getBigUint64(at + 8));
      header = 16;
    } else if (size === 0) {
      size = to - at;
    }
    if (size < header || at + size > to) return;
    const type = String.fromCharCode(
      view.getUint8(at + 4),
      view.getUint8(at + 5),
      view.getUint8(at + 6),
      view.getUint8(at + 7),
    );
    yield { type, start: at, body: at + header, end: at + size };
    at += size;
  }
}

export function find(view: DataView, within: Box | null, ...path: string[]): Box | null {
  let found = within;
  for (const type of path) {
    const [from, to]: [number, number] = found ? [found.body, found.end] : [0, view.byteLength];
    let next: Box | null = null;
    for (const box of boxes(view, from, to)) {
      if (box.type === type) {
        next = box;
        break;
      }
    }
    if (!next) return null;
    found = next;
  }
  return found;
}

function u32(view: DataView, at: number, box: Box): number {
  return at + 4 <= box.end ? view.getUint32(at) : 0;
}

/** Full boxes of version 1 have 64 bit times before the field that is looked for. */
function afterTimes(view: DataView, box: Box): number {
  return view.getUint8(box.body) === 1 ? box.body + 20 : box.body + 12;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function trackOf(view: DataView, trak: Box): TrackInfo | null {
  const tkhd = find(view, trak, 'tkhd');
  const mdhd = find(view, trak, 'mdia', 'mdhd');
  const hdlr = find(view, trak, 'mdia', 'hdlr');
  if (!tkhd || !mdhd || !hdlr) return null;
  const handler = u32(view, hdlr.body + 8, hdlr);
  const kind = handler === 0x76696465 ? 'video' : handler === 0x736f756e ? 'audio' : 'other';
  return {
    id: u32(view, afterTimes(view, tkhd), tkhd),
    timescale: u32(view, afterTimes(view, mdhd), mdhd),
    kind,
  };
}

/** The tracks of an init segment. */
export function tracksOf(init: Uint8Array): TrackInfo[] {
  const view = viewOf(init);
  const moov = find(view, null, 'moov');
  if (!moov) return [];
  const traks = [...boxes(view, moov.body, moov.end)].filter((box) => box.type === 'trak');
  return traks.map((trak) => trackOf(view, trak)).filter((track) => track !== null);
}

/** The init segment with the tracks of these ids taken out. */
export function withoutTracks(init: Uint8Array, ids: ReadonlySet<number>): Uint8Array<ArrayBuffer> {
  const view = viewOf(init);
  const moov = find(view, null, 'moov');
  const mvex = find(view, moov, 'mvex');
  const cut: Box[] = [];
  if (moov) {
    for (const box of boxes(view, moov.body, moov.end)) {
      if (box.type === 'trak' && ids.has(trackOf(view, box)?.id ?? 0)) cut.push(box);
    }
  }
  const inMoov = cut.length;
  if (moov && mvex) {
    for (const box of boxes(view, mvex.body, mvex.end)) {
      if (box.type === 'trex' && ids.has(u32(view, box.body + 4, box))) cut.push(box);
    }
  }
  const length = (list: Box[]): number => list.reduce((sum, box) => sum + (box.end - box.start), 0);
  const copy = new Uint8Array(init);
  const sizes = viewOf(copy);
  if (moov) sizes.setUint32(moov.start, moov.end - moov.start - length(cut));
  if (mvex) sizes.setUint32(mvex.start, mvex.end - mvex.start - length(cut.slice(inMoov)));
  const result = new Uint8Array(init.byteLength - length(cut));
  let from = 0;
  let at = 0;
  for (const box of [...cut].sort((a, b) => a.start - b.start)) {
    result.set(copy.subarray(from, box.start), at);
    at += box.start - from;
    from = box.end;
  }
  result.set(copy.subarray(from), at);
  return result;
}

/** When each track of a fragment begins. */
export function startsOf(fragment: Uint8Array): FragmentStart[] {
  const view = viewOf(fragment);
  const moof = find(view, null, 'moof');
  if (!moof) return [];
  const starts: FragmentStart[] = [];
  for (const traf of boxes(view, moof.body, moof.end)) {
    if (traf.type !== 'traf') continue;
    const tfhd = find(view, traf, 'tfhd');
    const tfdt = find(view, traf, 'tfdt');
    if (!tfhd || !tfdt || tfdt.end - tfdt.body < 8) continue;
    const long = view.getUint8(tfdt.body) === 1 && tfdt.end - tfdt.body >= 12;
    starts.push({
      track: u32(view, tfhd.body + 4, tfhd),
      time: long ? Number(view.getBigUint64(tfdt.body + 4)) : view.getUint32(tfdt.body + 4),
    });
  }
  return starts;
}

/** All else is sound: there are more codecs of it, G.711 (`ulaw`, `alaw`) among them. */
const PICTURE = /^(avc[1-4]|hvc1|hev1|dvh[1e]|vp0?[89]|av01|mp4v|mjpe?g|jpeg)/i;

const codecsOf = (mime: string): string[] => (/codecs="([^"]*)"/.exec(mime)?.[1] ?? '').split(',').map((codec) => codec.trim());

/** `video/mp4; codecs="avc1.64001f,mp4a.40.2"` without its sound. */
export function silentMime(mime: string): string {
  const kept = codecsOf(mime).filter((codec) => PICTURE.test(codec));
  return kept.length === 0 ? mime : mime.replace(/codecs="[^"]*"/, `codecs="${kept.join(',')}"`);
}

/** The codec of the sound that goes with a picture; `null`: there is none. */
export function soundOf(mime: string): string | null {
  return silentMime(mime) === mime ? null : (codecsOf(mime).find((codec) => !PICTURE.test(codec)) ?? null);
}
