/** Figures of ISO/IEC 18004 for error correction level M, versions 1 to 15: enough for 412 bytes. */

/** Error correction codewords in each block. */
export const CORRECTION = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24] as const;
/** Blocks that data is dealt to. */
export const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10] as const;
export const MOST_VERSION = CORRECTION.length;

export const sizeOf = (version: number): number => 17 + 4 * version;

/** Modules for data and error correction: all but patterns and format. */
export function rawModules(version: number): number {
  let modules = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const aligned = Math.floor(version / 7) + 2;
    modules -= (25 * aligned - 10) * aligned - 55;
    if (version >= 7) modules -= 36;
  }
  return modules;
}

export const correctionOf = (version: number): number => CORRECTION[version - 1] ?? 0;
export const blocksOf = (version: number): number => BLOCKS[version - 1] ?? 0;

/** Bytes of data that fit, with mode and length. */
export const capacity = (version: number): number => Math.floor(rawModules(version) / 8) - correctionOf(version) * blocksOf(version);

/** Where the centres of alignment patterns are, in both directions. */
export function alignment(version: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const found = [6];
  for (let at = sizeOf(version) - 7; found.length < count; at -= step) found.splice(1, 0, at);
  return found;
}
