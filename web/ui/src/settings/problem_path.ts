/** Where in a form a fault of the configuration belongs: `camera[2] "gate".main.url`. */

import type { Place } from '../api/config';
import type { Fault } from '../api/problem';

export interface Spot {
  table: string;
  index: number | null;
  id: string | null;
  /** Within the table; empty: the table itself. */
  field: string;
}

export function spotOf(path: string): Spot {
  const [, table = '', index, id, field = ''] = /^([^.[\s]+)(?:\[(\d+)\])?(?: "((?:[^"\\]|\\.)*)")?\.?(.*)$/.exec(path) ?? [];
  return { table, index: index === undefined ? null : Number(index), id: id ?? null, field };
}

/** The fault's path within the form of `place`; `null`: it is elsewhere. Without a place the form has every table. */
export function within(place: Place | null, fault: Fault): string | null {
  const spot = spotOf(fault.path);
  if (place === null) {
    const entry = spot.index === null ? spot.table : `${spot.table}[${spot.index}]`;
    return spot.field === '' ? entry : `${entry}.${spot.field}`;
  }
  if (spot.table !== place.table || (place.id !== null && spot.id !== place.id)) return null;
  return spot.field;
}

/** Of `fields`, the one that a fault at `path` is told at: itself, or the nearest that holds it. */
export function fieldOf(path: string, fields: readonly string[]): string | null {
  const holds = (field: string): boolean => path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
  return fields.filter(holds).sort((a, b) => b.length - a.length)[0] ?? null;
}
