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
export const languages = { en: 'English', fr: 'Français', id: 'Bahasa Indonesia' } as const;

export type Language = keyof typeof languages;

/** English is what the others are measured by and stands in until another has come, by itself, from its own file. */
const load: Record<Exclude<Language, 'en'>, () => Promise<Messages>> = {
  fr: () => import('./fr').then(({ fr }) => fr),
  id: () => import('./id').then(({ id }) => id),
};

export const isLanguage = (text: unknown): text is Language => typeof text === 'string' && text in languages;

export function pick(preferred: readonly string[]): Language {
  for (const tag of preferred) {
    const language = tag.toLowerCase().split('-')[0] ?? '';
    if (isLanguage(language)) return language;
  }
  return 'en';
}

/** Where this browser keeps the language that was chosen. */
export const CHOSEN = 'vigie.language';
const chosen = typeof localStorage === 'undefined' ? null : localStorage.getItem(CHOSEN);
const preferred = typeof navigator === 'undefined' ? [] : navigator.languages;
export const language: Language = pick([...(chosen === null ? [] : [chosen]), ...preferred]);
export let t: Messages = en;

/** Chosen by somebody who is not signed in yet: it holds for them once they are. */
const BEFORE = 'vigie.language_before';

/** What the pages say is read when they are loaded: they are loaded anew. */
export function choose(other: Language, signedIn = true): void {
  localStorage.setItem(CHOSEN, other);
  if (!signedIn) sessionStorage.setItem(BEFORE, other);
  location.reload();
}

/** What was chosen before signing in, once. */
export function chosenBefore(): Language | null {
  const before = sessionStorage.getItem(BEFORE);
  sessionStorage.removeItem(BEFORE);
  return isLanguage(before) ? before : null;
}

/** Before anything is shown: whatever reads `t` is loaded afterwards. */
export async function speak(): Promise<void> {
  if (language !== 'en') t = await load[language]();
}
