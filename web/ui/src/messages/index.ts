/** The catalogue in the reader's language, and how times and figures are written in it. */

import { en } from './en';

/** The shape of a catalogue: the same keys, the same parameters, any words. */
export type Catalogue<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : T[K] extends string
      ? string
      : Catalogue<T[K]>;
};

export type Messages = Catalogue<typeof en>;

/** A language is added here; a key that it lacks does not compile. */
const catalogues = { en } satisfies Record<string, Messages>;

type Language = keyof typeof catalogues;

export function pick(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split('-')[0] ?? '';
    if (language in catalogues) return language as Language;
  }
  return 'en';
}

const preferred = typeof navigator === 'undefined' ? [] : navigator.languages;
export const language: Language = pick(preferred);
export const t: Messages = catalogues[language];
