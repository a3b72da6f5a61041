/** Tables as plain values: reading and writing by path, what differs, and bringing two people's changes together. */

import type { Json, Table } from '../api/config';

/** `camera[2].record.motion` in its parts. */
const parts = (path: string): string[] => path.match(/[^.[\]]+/g) ?? [];

export const isTable = (value: Json | undefined): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An entry of a list: by its place, or by its id as in `camera[#gate]`. */
const entryOf = (list: readonly Json[], part: string): Json | undefined =>
  part.startsWith('#') ? list.find((one) => isTable(one) && one['id'] === part.slice(1)) : list[Number(part)];

export function getAt(root: Json | undefined, path: string): Json | undefined {
  let at = root;
  for (const part of parts(path)) {
    if (Array.isArray(at)) at = entryOf(at, part);
    else if (isTable(at)) at = at[part];
    else return undefined;
  }
  return at;
}

/** Writes in place; tables on the way are made. `undefined` takes away, and tables that are left empty with it. */
export function setAt(root: Table, path: string, value: Json | undefined): void {
  const [part, ...rest] = parts(path);
  if (part === undefined) return;
  write(root, part, rest, value);
}

function write(at: Json, part: string, rest: readonly string[], value: Json | undefined): void {
  const [next, ...others] = rest;
  if (Array.isArray(at)) {
    const inner = entryOf(at, part);
    if (next === undefined) {
      if (value !== undefined && !part.startsWith('#')) at[Number(part)] = value;
    } else if (inner !== undefined && inner !== null) {
      write(inner, next, others, value);
    }
    return;
  }
  if (!isTable(at)) return;
  if (next === undefined) {
    if (value === undefined) delete at[part];
    else at[part] = value;
    return;
  }
  if (typeof at[part] !== 'object' || at[part] === null) {
    if (value === undefined) return;
    at[part] = {};
  }
  const inner = at[part];
  write(inner, next, others, value);
  if (value === undefined && isTable(inner) && Object.keys(inner).length === 0) delete at[part];
}

export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => equal(one, b[at]));
  if (!isTable(a) || !isTable(b)) return false;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].every((key) => equal(a[key], b[key]));
}

/** The ids of a list's tables, where all have one. */
function idsOf(list: readonly Json[]): string[] | null {
  const ids = list.map((one) => (isTable(one) ? one['id'] : undefined));
  return ids.every((id) => typeof id === 'string') ? ids : null;
}

/** Paths of what is not the same in both; lists of the same tables are looked into, by ids where there are any. */
export function differing(a: Json | undefined, b: Json | undefined, path = ''): string[] {
  if (equal(a, b)) return [];
  if (Array.isArray(a) && Array.isArray(b)) {
    const [one, other] = [idsOf(a), idsOf(b)];
    if (one && other) {
      if (one.join() !== other.join()) return [path];
      return a.flatMap((entry, at) => differing(entry, b[at], `${path}[#${one[at]}]`));
    }
  }
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length && [...a, ...b].every(isTable)) {
    return a.flatMap((one, at) => differing(one, b[at], `${path}[${at}]`));
  }
  if (isTable(a) || isTable(b)) {
    const [one, other] = [isTable(a) ? a : {}, isTable(b) ? b : {}];
    if ((a === undefined || isTable(a)) && (b === undefined || isTable(b))) {
      const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
      return keys.flatMap((key) => differing(one[key], other[key], path === '' ? key : `${path}.${key}`));
    }
  }
  return [path];
}

/** Of what was typed over `base`, the paths within entries that `theirs` has no more. */
export const homeless = (base: Table, typed: Table, theirs: Table): string[] =>
  differing(base, typed).filter((path) => [...path.matchAll(/\[#[^\]]*\]/g)].some(({ index, 0: entry }) => getAt(theirs, path.slice(0, index + entry.length)) === undefined));

/** `typed` grew out of `base`, which somebody has changed to `theirs`: theirs with what was typed on top. */
export function rebase(base: Table, typed: Table, theirs: Table): Table {
  const merged = structuredClone(theirs);
  for (const path of differing(base, typed)) setAt(merged, path, clone(getAt(typed, path)));
  return merged;
}

export const clone = <T extends Json | undefined>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));
