import { expect, test } from 'vitest';
import { silentMime, soundOf, startsOf, tracksOf, withoutTracks } from './mp4';

function u32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setUint32(i * 4, value));
  return bytes;
}

function box(type: string, ...content: Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 8);
  const bytes = new Uint8Array(length);
  bytes.set(u32(length));
  bytes.set([...type].map((c) => c.charCodeAt(0)), 4);
  let at = 8;
  for (const part of content) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const VIDEO = 0x76696465;
const SOUND = 0x736f756e;

const trak = (id: number, handler: number, timescale: number): Uint8Array =>
  box(
    'trak',
    box('tkhd', u32(0, 0, 0, id)),
    box('mdia', box('mdhd', u32(0x01000000, 0, 0, 0, 0, timescale)), box('hdlr', u32(0, 0, handler))),
  );
const trex = (id: number): Uint8Array => box('trex', u32(0, id, 1, 0, 0, 0));

const init = box(
  'moov',
  box('mvhd', u32(0)),
  trak(1, VIDEO, 90000),
  trak(2, SOUND, 48000),
  box('mvex', trex(1), trex(2)),
);

test('tracks of an init segment, with either version of its boxes', () => {
  expect(tracksOf(init)).toEqual([
    { id: 1, kind: 'video', timescale: 90000 },
    { id: 2, kind: 'audio', timescale: 48000 },
  ]);
});

test('a track taken out leaves a whole init segment', () => {
  const silent = withoutTracks(init, new Set([2]));
  expect(silent).toEqual(box('moov', box('mvhd', u32(0)), trak(1, VIDEO, 90000), box('mvex', trex(1))));
});

test('start of a fragment in 32 and 64 bits', () => {
  const traf = (track: number, tfdt: Uint8Array): Uint8Array =>
    box('traf', box('tfhd', u32(0x020000, track)), box('tfdt', tfdt));
  expect(startsOf(box('moof', traf(1, u32(0, 900))))).toEqual([{ track: 1, time: 900 }]);
  expect(startsOf(box('moof', traf(2, u32(0x01000000, 1, 5))))).toEqual([{ track: 2, time: 2 ** 32 + 5 }]);
});

test('nonsense is skipped', () => {
  for (let length = 0; length < init.length; length += 7) {
    expect(() => tracksOf(init.slice(0, length))).not.toThrow();
    expect(() => withoutTracks(init.slice(0, length), new Set([1]))).not.toThrow();
  }
  expect(startsOf(new Uint8Array([0, 0, 0, 0, 109, 111, 111, 102, 1, 2, 3]))).toEqual([]);
  expect(startsOf(box('moof', box('traf', box('tfhd'), box('tfdt'))))).toEqual([]);
});

test('a MIME type without its sound', () => {
  const mime = 'video/mp4; codecs="avc1.64001f,mp4a.40.2"';
  expect(silentMime(mime)).toBe('video/mp4; codecs="avc1.64001f"');
  expect(soundOf(mime)).toBe('mp4a.40.2');
  expect(soundOf('video/mp4; codecs="hvc1.1.6.L93.B0"')).toBe(null);
  const g711 = 'video/mp4; codecs="hvc1.1.6.L93.B0, ulaw"';
  expect([silentMime(g711), soundOf(g711)]).toEqual(['video/mp4; codecs="hvc1.1.6.L93.B0"', 'ulaw']);
  const alone = 'audio/mp4; codecs="opus"';
  expect([silentMime(alone), soundOf(alone)]).toEqual([alone, null]);
});
