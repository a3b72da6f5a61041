/** QR codes (ISO/IEC 18004) of bytes at error correction level M: pure, drawn by QrCode.svelte. */

import { correction } from './correction';
import { alignment, blocksOf, capacity, correctionOf, MOST_VERSION, rawModules, sizeOf } from './tables';

/** Rows of modules; true is dark. */
export type Code = readonly (readonly boolean[])[];

type Grid = boolean[][];

/** `null`: the text is too long. `mask` is chosen by the standard's rules unless it is given. */
export function encode(text: string, mask?: number): Code | null {
  const bytes = [...new TextEncoder().encode(text)];
  const version = versionFor(bytes.length);
  if (version === null) return null;
  const words = interleave(dataOf(bytes, version), version);
  const { modules, fixed } = patterns(version);
  place(modules, fixed, words);
  const drawn = (number: number): Grid => {
    const copy = modules.map((row, y) => row.map((dark, x) => dark !== (!fixed[y]?.[x] && isMasked(number, x, y))));
    format(copy, number);
    return copy;
  };
  if (mask !== undefined) return drawn(mask);
  const all = [0, 1, 2, 3, 4, 5, 6, 7].map(drawn);
  return all.reduce((best, one) => (penalty(one) < penalty(best) ? one : best));
}

const lengthBits = (version: number): number => (version < 10 ? 8 : 16);

function versionFor(length: number): number | null {
  for (let version = 1; version <= MOST_VERSION; version++) {
    if (4 + lengthBits(version) + 8 * length <= 8 * capacity(version)) return version;
  }
  return null;
}

function dataOf(bytes: readonly number[], version: number): number[] {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let bit = count - 1; bit >= 0; bit--) bits.push((value >>> bit) & 1);
  };
  put(0b0100, 4);
  put(bytes.length, lengthBits(version));
  bytes.forEach((byte) => put(byte, 8));
  const room = 8 * capacity(version);
  put(0, Math.min(4, room - bits.length));
  put(0, (8 - (bits.length % 8)) % 8);
  for (let pad = 0xec; bits.length < room; pad ^= 0xec ^ 0x11) put(pad, 8);
  return Array.from({ length: room / 8 }, (_, at) => bits.slice(8 * at, 8 * at + 8).reduce((byte, bit) => (byte << 1) | bit, 0));
}

/** Data and correction of all blocks, dealt out in turns. */
function interleave(data: readonly number[], version: number): number[] {
  const [count, degree] = [blocksOf(version), correctionOf(version)];
  const raw = Math.floor(rawModules(version) / 8);
  const short = Math.floor(raw / count) - degree;
  const firstLong = count - (raw % count);
  const blocks: number[][] = [];
  for (let at = 0, start = 0; at < count; at++) {
    const length = short + (at < firstLong ? 0 : 1);
    blocks.push(data.slice(start, start + length));
    start += length;
  }
  const mending = blocks.map((block) => correction(block, degree));
  const turns = (lists: readonly (readonly number[])[], longest: number): number[] =>
    Array.from({ length: longest }, (_, at) => lists.flatMap((list) => list[at] ?? [])).flat();
  return [...turns(blocks, short + 1), ...turns(mending, degree)];
}

function patterns(version: number): { modules: Grid; fixed: Grid } {
  const size = sizeOf(version);
  const grid = (): Grid => Array.from({ length: size }, () => Array<boolean>(size).fill(false));
  const [modules, fixed] = [grid(), grid()];
  const set = (x: number, y: number, dark: boolean): void => {
    const [row, known] = [modules[y], fixed[y]];
    if (row === undefined || known === undefined || x < 0 || x >= size) return;
    row[x] = dark;
    known[x] = true;
  };
  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  const square = (cx: number, cy: number, reach: number, light: readonly number[]): void => {
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) set(cx + dx, cy + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  };
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]] as const) square(x, y, 4, [2, 4]);
  const centres = alignment(version);
  const last = centres.length - 1;
  centres.forEach((y, i) =>
    centres.forEach((x, j) => {
      const corner = (i === 0 && j === 0) || (i === 0 && j === last) || (i === last && j === 0);
      if (!corner) square(x, y, 2, [1]);
    }),
  );
  // Room for the format and, in large ones, the version.
  formatPlaces(size).forEach((pair) => pair.forEach(([x, y]) => set(x, y, false)));
  set(8, size - 8, true);
  if (version >= 7) {
    const bits = (version << 12) | remainder(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      set(a, b, ((bits >>> i) & 1) === 1);
      set(b, a, ((bits >>> i) & 1) === 1);
    }
  }
  return { modules, fixed };
}

/** What is left of a code word's check bits. */
function remainder(value: number, divisor: number, bits: number): number {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ ((rest >>> (bits - 1)) * divisor);
  return rest;
}

/** Where each of the 15 bits of the format stands, twice. */
function formatPlaces(size: number): (readonly [number, number])[][] {
  return Array.from({ length: 15 }, (_, i) => {
    const first: readonly [number, number] =
      i <= 5 ? [8, i] : i === 6 ? [8, 7] : i === 7 ? [8, 8] : i === 8 ? [7, 8] : [14 - i, 8];
    return [first, i < 8 ? [size - 1 - i, 8] : [8, size - 15 + i]];
  });
}

/** Level M is 00. */
function format(grid: Grid, mask: number): void {
  const bits = ((mask << 10) | remainder(mask, 0x537, 10)) ^ 0x5412;
  formatPlaces(grid.length).forEach((pair, i) =>
    pair.forEach(([x, y]) => {
      const row = grid[y];
      if (row) row[x] = ((bits >>> i) & 1) === 1;
    }),
  );
}

/** In columns of two from the right, up and down by turns. */
function place(modules: Grid, fixed: Grid, words: readonly number[]): void {
  const size = modules.length;
  let bit = 0;
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      for (const x of [right, right - 1]) {
        const up = ((right + 1) & 2) === 0;
        const y = up ? size - 1 - step : step;
        const row = modules[y];
        if (fixed[y]?.[x] || row === undefined || bit >= words.length * 8) continue;
        row[x] = (((words[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1) === 1;
        bit += 1;
      }
    }
  }
}

function isMasked(mask: number, x: number, y: number): boolean {
  switch (mask) {
    case 0: return (x + y) % 2 === 0;
    case 1: return y % 2 === 0;
    case 2: return x % 3 === 0;
    case 3: return (x + y) % 3 === 0;
    case 4: return (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0;
    case 5: return ((x * y) % 2) + ((x * y) % 3) === 0;
    case 6: return (((x * y) % 2) + ((x * y) % 3)) % 2 === 0;
    default: return (((x + y) % 2) + ((x * y) % 3)) % 2 === 0;
  }
}

const FINDER = '1011101';

/** How hard a drawing is to read: runs, blocks, what looks like a finder pattern, and an uneven share of dark. */
export function penalty(grid: Code): number {
  const size = grid.length;
  const columns = Array.from({ length: size }, (_, x) => grid.map((row) => row[x] === true));
  let score = 0;
  for (const line of [...grid, ...columns]) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('');
    for (const run of text.match(/0{5,}|1{5,}/g) ?? []) score += run.length - 2;
    for (let at = 0; at + 11 <= size; at++) {
      const part = text.slice(at, at + 11);
      if (part === `${FINDER}0000` || part === `0000${FINDER}`) score += 40;
    }
  }
  let dark = 0;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const one = grid[y]?.[x];
      if (one) dark += 1;
      if (y + 1 < size && x + 1 < size && one === grid[y]?.[x + 1] && one === grid[y + 1]?.[x] && one === grid[y + 1]?.[x + 1]) score += 3;
    }
  }
  return score + 10 * Math.floor(Math.abs((dark * 100) / (size * size) - 50) / 5);
}
