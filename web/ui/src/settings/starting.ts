/** Entries that somebody began to add: they are in no file yet, and a form elsewhere goes on with them. */

import type { ListName, Table } from '../api/config';

const begun = new Map<string, Table>();
const key = (table: ListName, id: string): string => `${table}/${id}`;

export const begin = (table: ListName, id: string, values: Table): void => void begun.set(key(table, id), values);
export const begunAs = (table: ListName, id: string): Table | undefined => begun.get(key(table, id));
export const forgetBegun = (): void => begun.clear();
export const done = (table: ListName, id: string): void => void begun.delete(key(table, id));

/** What may stand in an id: of a name, as near as it can be. */
export const idOf = (name: string): string =>
  name
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);

export const isId = (text: string): boolean => /^[a-z0-9_-]{1,64}$/.test(text);
