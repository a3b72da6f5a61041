import { expect, test } from 'vitest';
import { en } from './en';
import { fr } from './fr';
import { id } from './id';
import { pick, type Messages } from './index';

type Leaf = string | ((...args: never[]) => string);

/** Every message by its place in the catalogue. */
function leaves(catalogue: object, place = ''): Map<string, Leaf> {
  const found = new Map<string, Leaf>();
  for (const [key, value] of Object.entries(catalogue)) {
    const at = place === '' ? key : `${place}.${key}`;
    if (typeof value === 'string' || typeof value === 'function') found.set(at, value as Leaf);
    else if (value !== null && value !== undefined) for (const [inner, one] of leaves(value as object, at)) found.set(inner, one);
  }
  return found;
}

const ENGLISH = leaves(en);
const letters = (text: string): number => text.replace(/[^\p{L}]/gu, '').length;

test('a catalogue that lacks a key does not compile', () => {
  const { product: _, ...rest } = en;
  // @ts-expect-error `product` is missing
  const incomplete: Messages = rest;
  expect(incomplete).toBeDefined();
});

test.each([
  ['fr', fr],
  ['id', id],
] as const)('%s says all that English says, in words of its own', (_, other) => {
  const others = leaves(other);
  expect([...others.keys()].sort()).toEqual([...ENGLISH.keys()].sort());
  const same: string[] = [];
  for (const [place, message] of ENGLISH) {
    const translated = others.get(place);
    expect(typeof translated, place).toBe(typeof message);
    if (typeof translated === 'function' && typeof message === 'function') {
      expect(translated.length, place).toBe(message.length);
      continue;
    }
    expect(String(translated).trim() !== '' || message === '', place).toBe(true);
    if (translated === message && letters(String(message)) > 24 && !String(message).includes('://')) same.push(place);
  }
  // Names, units, addresses and short words may be the same, sentences are not; this is a command.
  expect(same).toEqual(['setup.linkCommand']);
});

/** What functions take is put in somewhere, in every language. */
test.each([
  ['fr', fr],
  ['id', id],
] as const)('%s loses nothing that it is given', (_, other) => {
  const others = leaves(other);
  const lost: string[] = [];
  for (const [place, message] of ENGLISH) {
    if (typeof message !== 'function') continue;
    for (const given of [[7, 8, 9, 10], ['Alpha', 'Beta', 'Gamma', 'Delta']]) {
      let said: string;
      try {
        said = String((message as (...args: unknown[]) => unknown)(...given));
      } catch {
        continue;
      }
      const theirs = String((others.get(place) as (...args: unknown[]) => unknown)(...given));
      for (const one of given) if (said.includes(String(one)) && !theirs.includes(String(one))) lost.push(`${place}: ${theirs}`);
    }
  }
  expect(lost).toEqual([]);
});

test('one of something, and many, are told apart as the language does', () => {
  expect([0, 1, 2].map(fr.settings.list.count)).toEqual(['0 entrée', '1 entrée', '2 entrées']);
});

test('the reader’s first known language, else English', () => {
  expect(pick(['xx', 'en-GB'])).toBe('en');
  expect(pick(['xx', 'fr-CA', 'en'])).toBe('fr');
  expect(pick(['id-ID'])).toBe('id');
  expect(pick([])).toBe('en');
});
