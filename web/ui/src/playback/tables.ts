/**
 * The samples of an MP4 (ISO/IEC 14496-12 §8.6, §8.7, §8.8): those that `moov` lists, and those of a
 * fragment. Pure; bytes come from the network, so what does not parse is left out.
 */

import { boxes, find, type Box } from '../live/mp4';
import { codecOf } from './codecs';

export interface Sample {
  /** Decode time, in ticks of the track. */
  time: number;
  duration: number;
  /** Of presentation after decoding. */
  shift: number;
  /** From the beginning of the file (`moov`), or of the fragment (`moof`). */
  offset: number;
  size: number;
  /** Decoding may begin here. */
  sync: boolean;
}

export interface Track {
  id: number;
  kind: 'video' | 'audio' | 'other';
  timescale: number;
  /** As MIME types call it. */
  codec: string;
  /** What is presented first, in ticks: the edit list's. */
  begins: number;
  samples: Sample[];
  /** Of samples in fragments that say nothing else. */
  defaults: { duration: number; size: number; flags: number };
}

/** More in one table is no honest file: 24 h at 60 pictures a second are five million. */
const MOST = 8_000_000;
const NOT_SYNC = 0x10000;

/** Entries of a full box: how many there are, and where they begin; only as many as fit. */
function entries(view: DataView, box: Box | null, size: number): { count: number; at: number } {
  if (!box || box.body + 8 > box.end) return { count: 0, at: 0 };
  const count = Math.min(view.getUint32(box.body + 4), Math.floor((box.end - box.body - 8) / size), MOST);
  return { count, at: box.body + 8 };
}

function samplesOf(view: DataView, stbl: Box): Sample[] {
  const sizes = find(view, stbl, 'stsz');
  if (!sizes || sizes.body + 12 > sizes.end) return [];
  const same = view.getUint32(sizes.body + 4);
  const listed = view.getUint32(sizes.body + 8);
  const count = Math.min(same > 0 ? listed : Math.min(listed, Math.floor((sizes.end - sizes.body - 12) / 4)), MOST);
  const samples: Sample[] = [];
  for (let i = 0; i < count; i++) {
    const size = same > 0 ? same : view.getUint32(sizes.body + 12 + 4 * i);
    samples.push({ time: 0, duration: 0, shift: 0, offset: 0, size, sync: false });
  }
  const durations = entries(view, find(view, stbl, 'stts'), 8);
  for (let i = 0, at = 0, time = 0; i < durations.count; i++) {
    const duration = view.getUint32(durations.at + 8 * i + 4);
    for (let n = view.getUint32(durations.at + 8 * i); n > 0 && at < count; n--, at++) {
      Object.assign(samples[at]!, { time, duration });
      time += duration;
    }
  }
  const shifts = entries(view, find(view, stbl, 'ctts'), 8);
  for (let i = 0, at = 0; i < shifts.count; i++) {
    const shift = view.getInt32(shifts.at + 8 * i + 4);
    for (let n = view.getUint32(shifts.at + 8 * i); n > 0 && at < count; n--, at++) samples[at]!.shift = shift;
  }
  const sync = find(view, stbl, 'stss');
  if (!sync) for (const sample of samples) sample.sync = true;
  const keys = entries(view, sync, 4);
  for (let i = 0; i < keys.count; i++) {
    const sample = samples[view.getUint32(keys.at + 4 * i) - 1];
    if (sample) sample.sync = true;
  }
  place(view, stbl, samples);
  return samples;
}

function place(view: DataView, stbl: Box, samples: Sample[]): void {
  const long = find(view, stbl, 'co64');
  const chunks = entries(view, long ?? find(view, stbl, 'stco'), long ? 8 : 4);
  const runs = entries(view, find(view, stbl, 'stsc'), 12);
  for (let chunk = 0, run = 0, at = 0; chunk < chunks.count && runs.count > 0; chunk++) {
    while (run + 1 < runs.count && view.getUint32(runs.at + 12 * (run + 1)) <= chunk + 1) run++;
    let offset = long ? Number(view.getBigUint64(chunks.at + 8 * chunk)) : view.getUint32(chunks.at + 4 * chunk);
    for (let n = view.getUint32(runs.at + 12 * run + 4); n > 0 && at < samples.length; n--, at++) {
      const sample = samples[at]!;
      sample.offset = offset;
      offset += sample.size;
    }
  }
}

function beginsOf(view: DataView, trak: Box): number {
  const list = find(view, trak, 'edts', 'elst');
  if (!list) return 0;
  const long = view.getUint8(list.body) === 1;
  const { count, at } = entries(view, list, long ? 20 : 12);
  if (count === 0) return 0;
  const time = long ? Number(view.getBigInt64(at + 8)) : view.getInt32(at + 4);
  return Math.max(0, time);
}

export function tracksOf(view: DataView, moov: Box): Track[] {
  const tracks: Track[] = [];
  for (const trak of boxes(view, moov.body, moov.end)) {
    if (trak.type !== 'trak') continue;
    const tkhd = find(view, trak, 'tkhd');
    const mdhd = find(view, trak, 'mdia', 'mdhd');
    const hdlr = find(view, trak, 'mdia', 'hdlr');
    const stbl = find(view, trak, 'mdia', 'minf', 'stbl');
    const stsd = find(view, stbl, 'stsd');
    if (!tkhd || !mdhd || !hdlr || !stbl || !stsd) continue;
    // Version 1 has 64 bit times before the field that is looked for.
    const after = (box: Box): number => view.getUint32(box.body + (view.getUint8(box.body) === 1 ? 20 : 12));
    const handler = view.getUint32(hdlr.body + 8);
    const [entry] = boxes(view, stsd.body + 8, stsd.end);
    tracks.push({
      id: after(tkhd),
      kind: handler === 0x76696465 ? 'video' : handler === 0x736f756e ? 'audio' : 'other',
      timescale: after(mdhd) || 1,
      codec: entry ? codecOf(view, entry) : '',
      begins: beginsOf(view, trak),
      samples: samplesOf(view, stbl),
      defaults: { duration: 0, size: 0, flags: 0 },
    });
  }
  const mvex = find(view, moov, 'mvex');
  for (const trex of mvex ? boxes(view, mvex.body, mvex.end) : []) {
    const track = trex.type === 'trex' ? tracks.find(({ id }) => id === view.getUint32(trex.body + 4)) : undefined;
    if (!track) continue;
    const [duration, size, flags] = [12, 16, 20].map((at) => view.getUint32(trex.body + at));
    track.defaults = { duration: duration ?? 0, size: size ?? 0, flags: flags ?? 0 };
  }
  return tracks;
}

/** A track's part of a fragment. */
export interface Part {
  box: Box;
  track: number;
  /** Where its 64 bit decode time stands. */
  timeAt: number;
  time: number;
}

export function partsOf(view: DataView, moof: Box): Part[] {
  const parts: Part[] = [];
  for (const box of boxes(view, moof.body, moof.end)) {
    if (box.type !== 'traf') continue;
    const tfhd = find(view, box, 'tfhd');
    const tfdt = find(view, box, 'tfdt');
    if (!tfhd || !tfdt || view.getUint8(tfdt.body) !== 1 || tfdt.body + 12 > tfdt.end) continue;
    const timeAt = tfdt.body + 4;
    parts.push({ box, track: view.getUint32(tfhd.body + 4), timeAt, time: Number(view.getBigUint64(timeAt)) });
  }
  return parts;
}

/** The samples of one track in a fragment; offsets count from the fragment's first byte. */
export function samplesOfPart(view: DataView, part: Part, track: Track): Sample[] {
  const tfhd = find(view, part.box, 'tfhd');
  const trun = find(view, part.box, 'trun');
  if (!tfhd || !trun) return [];
  const defaults = { ...track.defaults };
  const has = view.getUint32(tfhd.body) & 0xffffff;
  let at = tfhd.body + 8 + (has & 1 ? 8 : 0) + (has & 2 ? 4 : 0);
  const field = (): number => view.getUint32((at += 4) - 4);
  if (has & 8) defaults.duration = field();
  if (has & 0x10) defaults.size = field();
  if (has & 0x20) defaults.flags = field();
  const flags = view.getUint32(trun.body) & 0xffffff;
  at = trun.body + 4;
  const count = Math.min(field(), MOST);
  let offset = flags & 1 ? view.getInt32((at += 4) - 4) : 0;
  const first = flags & 4 ? field() : null;
  const width = [0x100, 0x200, 0x400, 0x800].filter((bit) => flags & bit).length * 4;
  const samples: Sample[] = [];
  let time = part.time;
  for (let i = 0; i < count && at + width <= trun.end; i++) {
    const duration = flags & 0x100 ? field() : defaults.duration;
    const size = flags & 0x200 ? field() : defaults.size;
    const own = flags & 0x400 ? field() : i === 0 && first !== null ? first : defaults.flags;
    const shift = flags & 0x800 ? view.getInt32((at += 4) - 4) : 0;
    samples.push({ time, duration, shift, offset, size, sync: (own & NOT_SYNC) === 0 });
    time += duration;
    offset += size;
  }
  return samples;
}
