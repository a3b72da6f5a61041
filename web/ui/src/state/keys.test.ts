import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { onKeys } from './keys';

/** What has the focus lies within these. */
class Lying {
  constructor(private readonly within: string) {}
  closest(selectors: string): this | null {
    return this.within !== '' && selectors.split(', ').includes(this.within) ? this : null;
  }
}

beforeAll(() => void vi.stubGlobal('Element', Lying));
afterAll(() => void vi.unstubAllGlobals());

/** What is run of `keys` when each of `pressed` is pressed. */
function heard(pressed: string[], { within = '', single = true, first = (_: string): boolean => false, ...held }: { within?: string; single?: boolean; first?: (key: string) => boolean; ctrlKey?: boolean } = {}): string[] {
  const run: string[] = [];
  const keys = Object.fromEntries(['n', '<', ' ', 'ArrowLeft', 'Escape'].map((key) => [key, () => void run.push(key)]));
  const hear = onKeys(keys, () => single, first);
  pressed.forEach((key) => hear({ key, target: new Lying(within), preventDefault: () => {}, ...held } as unknown as KeyboardEvent));
  return run;
}
const ALL = ['n', '<', ' ', 'ArrowLeft', 'Escape'];

test('letters and signs are not heard where they are switched off; other keys are', () => {
  expect(heard(ALL)).toEqual(ALL);
  expect(heard(ALL, { single: false })).toEqual([' ', 'ArrowLeft', 'Escape']);
});

test('who types types, and what has a use for a key keeps it', () => {
  expect(heard(ALL, { within: 'input' })).toEqual([]);
  expect(heard(ALL, { within: 'button' })).toEqual(['n', '<', 'ArrowLeft', 'Escape']);
  expect(heard(ALL, { within: '[role="slider"]' })).toEqual(['n', '<']);
  expect(heard(ALL, { ctrlKey: true })).toEqual([]);
  expect(heard(ALL, { first: (key) => key === 'Escape' })).toEqual(['n', '<', ' ', 'ArrowLeft']);
});
