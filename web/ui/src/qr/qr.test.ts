import { expect, test } from 'vitest';
import { encode, penalty } from './qr';
import { alignment, capacity } from './tables';

/** Made by another encoder (npm `qrcode` 1.5.4, level M, mask 2, mode byte). */
const LETTER = `
#######..##.#.#######
#.....#..###..#.....#
#.###.#.##.#..#.###.#
#.###.#.##.#..#.###.#
#.###.#.##..#.#.###.#
#.....#.####..#.....#
#######.#.#.#.#######
........#............
#.#####...##..#####..
#.#.....#######..#...
..#.###..##.#.##.....
.#...#.###.####..#.#.
#.#####..##.#..#..#..
........#...#..#..#.#
#######..###.#..####.
#.....#.##.....##.##.
#.###.#.####.#..###..
#.###.#.#..####..#...
#.###.#.###.#.##.....
#.....#..######..#...
#######.#.#.#..#..##.`.trim();

/** Of larger ones, the SHA-256 of the same encoder's rows, in 0 and 1. */
const LARGER: readonly (readonly [string, number, string])[] = [
  ['otpauth://totp/Vigie%20Lobby:demo?secret=JBSWY3DPEHPK3PXP&issuer=Vigie%20Lobby', 37, '101344f35f5a3a199436a798781a29f2'],
  ['é'.repeat(60), 45, 'bcc8f366ecec4c08b3e8139425fdc29d'],
  ['y'.repeat(213), 57, 'd13a7d639a3b078a5c66f7c45a1ae32c'],
  ['w'.repeat(400), 77, '7e716f56839eb15e6fb230c3fe2cbea1'],
];

test('a letter, module for module', () => {
  expect(encode('a', 2)?.map((row) => row.map((dark) => (dark ? '#' : '.')).join('')).join('\n')).toBe(LETTER);
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

test('larger versions, with version bits and several blocks', async () => {
  for (const [text, size, hash] of LARGER) {
    const code = encode(text, 2);
    expect(code?.length).toBe(size);
    const rows = code?.map((row) => row.map(Number).join('')).join('\n') ?? '';
    expect((await sha256(rows)).slice(0, 32)).toBe(hash);
  }
});

test('the mask with the least penalty is taken', () => {
  const all = [0, 1, 2, 3, 4, 5, 6, 7].map((mask) => penalty(encode('vigie', mask) ?? []));
  expect(penalty(encode('vigie') ?? [])).toBe(Math.min(...all));
});

test('what is too long is none, and what just fits is one', () => {
  expect(encode('x'.repeat(412))?.length).toBe(77);
  expect(encode('x'.repeat(413))).toBeNull();
});

test('figures of the standard', () => {
  expect([1, 7, 15].map(capacity)).toEqual([16, 124, 415]);
  expect(alignment(7)).toEqual([6, 22, 38]);
  expect(alignment(14)).toEqual([6, 26, 46, 66]);
});
