/** A list of tags as it is shown. Pure. */

import type { Tag } from '../api/tags';

export interface Mark {
  id: string;
  time: number;
  camera: string | null;
  text: string;
}

/** Those about these cameras that hold all words, whatever their case or accents; by time. */
export function chosen(tags: readonly Tag[], cameras: readonly string[], text: string): Tag[] {
  const plain = (words: string): string => words.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
  const words = plain(text).split(/\s+/).filter(Boolean);
  return tags
    .filter(({ camera }) => camera === null || cameras.includes(camera))
    .filter((tag) => words.every((word) => plain(tag.text).includes(word)))
    .sort((a, b) => Date.parse(a.at) - Date.parse(b.at) || (a.id < b.id ? -1 : 1));
}

export const marksOf = (tags: readonly Tag[]): Mark[] => tags.map(({ id, camera, at, text }) => ({ id, camera, text, time: Date.parse(at) }));

/** Why a text is no tag; null: it is one. */
export function fault(text: string, most: number): 'empty' | 'long' | null {
  const { length } = [...text.trim()];
  return length === 0 ? 'empty' : length > most ? 'long' : null;
}

/** With one more, one less, or one changed. */
export const withTag = (tags: readonly Tag[], tag: Tag): Tag[] => [...tags.filter(({ id }) => id !== tag.id), tag];
export const withoutTag = (tags: readonly Tag[], id: string): Tag[] => tags.filter((tag) => tag.id !== id);
