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

/** What languages call themselves. A language is added here and in `load`; a key that it lacks does not compile. */
export const languages = { en: 'English' } as const;

type Language = keyof typeof languages;

/** English is what the others are measured by and stands in until another has come, by itself, from its own file. */
const load: Record<Exclude<Language, 'en'>, () => Promise<Messages>> = {};

export function pick(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split('-')[0] ?? '';
    if (language in languages) return language as Language;
  }
  return 'en';
}

/** Where this browser keeps the language that was chosen. */
export const CHOSEN = 'vigie.language';
const chosen = typeof localStorage === 'undefined' ? null : localStorage.getItem(CHOSEN);
const preferred = typeof navigator === 'undefined' ? [] : navigator.languages;
export const language: Language = pick([...(chosen === null ? [] : [chosen]), ...preferred]);
export let t: Messages = en;

/** Before anything is shown: whatever reads `t` is loaded afterwards. */
export async function speak(): Promise<void> {
  const other = (load as Record<string, (() => Promise<Messages>) | undefined>)[language];
  if (other !== undefined) t = await other();
}
