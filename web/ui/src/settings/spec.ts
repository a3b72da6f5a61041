/** How a table of the configuration is edited: which fields, in which groups, by which control. Words are in the catalogue. */

import type { Component } from 'svelte';
import type { Json, ListName, Table } from '../api/config';
import type { Choice } from '../components/Select.svelte';
import type { Messages } from '../messages';
import type { Draft } from './draft.svelte';

/** Tables with words for their fields. */
export type Described = keyof Messages['settings']['fields'];

/** Reads another field of the same table. */
export type Look = (path: string) => Json | undefined;

/** What a view of its own is given. */
export interface FieldViewProps {
  draft: Draft;
  path: string;
  label: string;
  hint?: string | undefined;
  error?: string | undefined;
}

export type Control =
  | { as: 'text'; mono?: true; placeholder?: string; long?: true }
  /** Written, never read: shows whether there is one. */
  | { as: 'secret' }
  | { as: 'number'; min?: number; max?: number; unit?: string }
  /** `unit`: what is offered first. */
  | { as: 'duration'; unit?: 'd' | 'm' }
  | { as: 'size' }
  | { as: 'toggle' }
  | { as: 'choice'; of: () => readonly Choice[] }
  /** Any number of texts, one on each line. */
  | { as: 'lines'; mono?: true; placeholder?: string; /** One line is written as a text, not as a list. */ single?: true }
  /** Any number out of a list; `every`: "*" stands for all. */
  | { as: 'picks'; of: () => readonly Choice[]; every?: true; groups?: true }
  /** Names and values. */
  | { as: 'pairs' }
  | { as: 'own'; view: Component<FieldViewProps> };

export type FieldSpec<T extends Described> = Control & {
  path: keyof Messages['settings']['fields'][T] & string;
  /** What holds when nothing is written. */
  standard?: string | number | boolean;
  /** There only then. */
  only?: (look: Look) => boolean;
  /** Over the whole width. */
  wide?: true;
};

export interface GroupSpec<T extends Described> {
  title: keyof Messages['settings']['groups'];
  fields: readonly FieldSpec<T>[];
  /** Seldom needed: closed at first. */
  folded?: true;
  only?: (look: Look) => boolean;
}

export interface ListSpec<T extends Described & ListName = Described & ListName> {
  table: T;
  groups: readonly GroupSpec<T>[];
  /** One line on an entry, for the list. */
  summary: (entry: Table) => string;
  /** What a new one begins with. */
  fresh: () => Table;
  /** Shown under the form of an entry that is saved. */
  extra?: Component<{ id: string; table: ListName }>;
  /** Shown beside an entry in the list. */
  state?: Component<{ id: string; table: ListName }>;
}

export interface SingleSpec<T extends Described = Described> {
  table: T;
  groups: readonly GroupSpec<T>[];
  /** It may be missing: then it can be set up, and taken away. */
  optional?: true;
  fresh: () => Table;
}

export const choices = (of: Readonly<Record<string, string>>): (() => Choice[]) => () => Object.entries(of).map(([value, label]) => ({ value, label }));
