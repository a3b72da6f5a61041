/** The configuration: its tables, changes that are tried before they are made, and its history. */

import { change, get, send } from './client';
import type { Fault } from './problem';

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
/** One table as the file has it; secrets are `***`. */
export type Table = { [key: string]: Json };

export const LISTS = ['schedule', 'disk', 'camera', 'input', 'output', 'recipient', 'push', 'rule'] as const;
export type ListName = (typeof LISTS)[number];
export type SingleName = 'server' | 'mqtt' | 'snapshots' | 'buzzer' | 'email';

/** All tables: lists under their names, the others as they are. */
export type Tables = { [table: string]: Json };

export interface Place {
  table: ListName | SingleName;
  /** Of lists. */
  id: string | null;
}

/** What a change did, or would do. */
export interface Changed {
  revision: string;
  changes: string[];
  /** What is interrupted for a moment; older recorders do not say. */
  restarts?: string[];
  warnings: Fault[];
}

export interface Version {
  id: string;
  at: string;
  by: string | null;
  changes: string[];
  current: boolean;
}

export interface VersionText extends Version {
  text: string;
  restarts?: string[];
}

const BASE = '/api/v1/config';
const pathOf = ({ table, id }: Place): string => (id === null ? `${BASE}/${table}` : `${BASE}/${table}/${encodeURIComponent(id)}`);
export const trying = (tryOnly: boolean): string => (tryOnly ? '?try_only=true' : '');
/** Nothing is changed that somebody else changed meanwhile. */
export const match = (revision: string): { headers: Record<string, string> } => ({ headers: { 'If-Match': `"${revision}"` } });

export const config = {
  async read(): Promise<{ revision: string; tables: Tables }> {
    const response = await send(BASE);
    const revision = (response.headers.get('ETag') ?? '').replace(/^W\//, '').replaceAll('"', '');
    return { revision, tables: (await response.json()) as Tables };
  },

  put: (place: Place, table: Table, revision: string, tryOnly: boolean) =>
    change<Changed>('PUT', pathOf(place) + trying(tryOnly), table, match(revision)),

  remove: (place: Place, revision: string, tryOnly: boolean) =>
    change<Changed>('DELETE', pathOf(place) + trying(tryOnly), undefined, match(revision)),

  putAll: (tables: Tables, revision: string, tryOnly: boolean) =>
    change<Changed>('PUT', BASE + trying(tryOnly), tables, match(revision)),

  order: (ids: readonly string[], revision: string, tryOnly: boolean) =>
    change<Changed>('POST', `/api/v1/camera-order${trying(tryOnly)}`, { ids }, match(revision)),

  history: () => get<Version[]>('/api/v1/config-history'),
  version: (id: string) => get<VersionText>(`/api/v1/config-history/${encodeURIComponent(id)}`),
  restore: (id: string, revision: string, tryOnly: boolean) =>
    change<Changed>('POST', `/api/v1/config-history/${encodeURIComponent(id)}/restore${trying(tryOnly)}`, undefined, match(revision)),
};
