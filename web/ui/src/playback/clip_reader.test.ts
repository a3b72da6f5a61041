import { expect, test } from 'vitest';
import { boxes, viewOf } from '../live/mp4';
import { ClipReader, type Piece } from './clip_reader';
import { fragmentOf, joined } from './fragments';
import { partsOf, samplesOfPart, tracksOf, type Sample, type Track } from './tables';

const u32 = (...values: number[]): Uint8Array => {
  const bytes = new Uint8Array(values.length * 4);
  values.forEach((value, i) => new DataView(bytes.buffer).setUint32(i * 4, value >>> 0));
  return bytes;
};
const box = (type: string, ...body: Uint8Array[]): Uint8Array => {
  const inside = joined(body);
  return joined([u32(inside.byteLength + 8), Uint8Array.from(type, (c) => c.charCodeAt(0)), inside]);
};
const full = (type: string, ...values: number[]): Uint8Array => box(type, u32(0, ...values));
const text = (letters: string): number => [...letters].reduce((all, c) => (all << 8) | c.charCodeAt(0), 0);

const AVCC = box('avcC', Uint8Array.from([1, 0x42, 0xc0, 0x1e, 0xff, 0xe0, 0]));
/** Two pictures that are only decoded, then two that are seen; sizes 10, 20, 30, 40 at `at`. */
function trak(id: number, kind: string, at: number): Uint8Array {
  const entry = kind === 'vide' ? box('avc1', new Uint8Array(78), AVCC) : box('Opus', new Uint8Array(28));
  const stbl = box(
    'stbl',
    box('stsd', u32(0, 1), entry),
    full('stts', 2, 2, 1, 2, 6000),
    full('stss', 1, 1),
    full('stsc', 1, 1, 4, 1),
    full('stsz', 0, 4, 10, 20, 30, 40),
    full('co64', 1, 0, at),
  );
  const mdia = box('mdia', full('mdhd', 0, 0, 90_000, 0), full('hdlr', 0, text(kind)), box('minf', stbl));
  const elst = box('edts', box('elst', u32(0x01000000, 1, 0, 180_000, 0, 2, 0x10000)));
  return box('trak', full('tkhd', 0, 0, id), elst, mdia);
}

const FLAGS = { sync: true, shift: 0, offset: 0, time: 0 };
const moofs = [0, 1].map((n) => fragmentOf(1, 2 + 12_000 * (n + 1), [{ ...FLAGS, duration: 6000, size: 4, sync: n === 1 }, { ...FLAGS, duration: 6000, size: 4, sync: false }], [Uint8Array.of(n, n, n, n, 9, 9, 9, 9)]));

function clip(): Uint8Array {
  const head = (at: number): Uint8Array => joined([box('ftyp', u32(0)), box('moov', trak(1, 'vide', at), trak(2, 'soun', at))]);
  const at = head(0).byteLength + 8;
  const media = Uint8Array.from({ length: 100 }, (_, i) => i);
  return joined([head(at), box('mdat', media), box('sidx', u32(0)), ...moofs]);
}

function read(pieces: readonly Piece[]): { track: Track; samples: (Sample & { bytes: Uint8Array })[] } {
  const [init, ...media] = pieces;
  const view = viewOf(init!.bytes);
  const moov = [...boxes(view, 0, view.byteLength)].find(({ type }) => type === 'moov')!;
  const track = tracksOf(view, moov)[0]!;
  const samples = media.flatMap(({ bytes }) => {
    const view = viewOf(bytes);
    const moof = [...boxes(view, 0, view.byteLength)][0]!;
    return partsOf(view, moof).filter((part) => part.track === track.id).flatMap((part) => samplesOfPart(view, part, track).map((sample) => ({ ...sample, bytes: bytes.slice(sample.offset, sample.offset + sample.size) })));
  });
  return { track, samples };
}

function through(wanted: ConstructorParameters<typeof ClipReader>[0], chunk: number): Piece[] {
  const reader = new ClipReader(wanted);
  const whole = clip();
  const pieces: Piece[] = [];
  for (let at = 0; at < whole.length; at += chunk) pieces.push(...reader.push(whole.slice(at, at + chunk)));
  return [...pieces, ...reader.end(2)];
}

test('in pieces of any size, the first picture that is seen lies at the origin', () => {
  for (const chunk of [1, 7, 100, 5000]) {
    const pieces = through({ origin: 10, sound: false, keysOnly: false }, chunk);
    expect(pieces[0]).toMatchObject({ kind: 'init', mime: 'video/mp4; codecs="avc1.42C01E"', sound: false });
    const { track, samples } = read(pieces);
    expect(track.timescale).toBe(90_000);
    expect(samples.map(({ time }) => time - 900_000)).toEqual([-2, -1, 0, 6000, 12_000, 18_000, 24_000, 30_000]);
    expect(samples.slice(0, 4).map(({ size, sync, bytes }) => [size, sync, bytes[0]])).toEqual([[10, true, 0], [20, false, 10], [30, false, 30], [40, false, 60]]);
    expect(samples[6]).toMatchObject({ size: 4, sync: true });
  }
});

test('an init segment has neither samples nor an edit list, and only the tracks that are wanted', () => {
  const [silent, loud] = [false, true].map((sound) => through({ origin: 0, sound, keysOnly: false }, 100)[0]!);
  const view = viewOf(silent!.bytes);
  const moov = [...boxes(view, 0, view.byteLength)].find(({ type }) => type === 'moov')!;
  expect(tracksOf(view, moov).map(({ kind, begins, samples }) => [kind, begins, samples.length])).toEqual([['video', 0, 0]]);
  expect(loud).toMatchObject({ mime: 'video/mp4; codecs="avc1.42C01E,opus"', sound: true });
});

test('of what is too fast to decode, pictures of their own remain, each until the next', () => {
  const { samples } = read(through({ origin: 1, sound: true, keysOnly: true }, 64));
  expect(samples.map(({ time, duration, sync }) => [time - 90_000, duration, sync])).toEqual([
    [-2, 24_002, true],
    [24_000, 156_000, true],
  ]);
  expect([...samples[1]!.bytes]).toEqual([1, 1, 1, 1]);
});

test('what is no MP4 is refused, what is cut off gives what is whole', () => {
  expect(() => new ClipReader({ origin: 0, sound: false, keysOnly: false }).push(new Uint8Array(32))).toThrow();
  const reader = new ClipReader({ origin: 0, sound: false, keysOnly: false });
  const whole = clip();
  expect(reader.push(whole.slice(0, whole.length - 3)).filter(({ kind }) => kind === 'media')).toHaveLength(2);
});
