/** People, what they may do, how they sign in, and what they did. */

import { change, get, post } from './client';

export const HOUSE_RIGHTS = ['alarms', 'system', 'configure', 'users'] as const;
export const CAMERA_RIGHTS = ['live', 'playback', 'export', 'record', 'protect', 'delete'] as const;
export type HouseRight = (typeof HOUSE_RIGHTS)[number];
export type CameraRight = (typeof CAMERA_RIGHTS)[number];

export interface Rights {
  house: HouseRight[];
  every_camera: CameraRight[];
  cameras: Record<string, CameraRight[]>;
}

export interface SessionBody {
  name: string;
  group: string;
  rights: Rights;
  second_factor?: boolean;
  recovery_codes?: number | null;
  idle_minutes?: number | null;
  /** Until it ends for want of input. */
  idle_left_s?: number | null;
}

export interface Account {
  name: string;
  group: string;
  enabled: boolean;
  created: string;
  /** null: all of the group's. */
  cameras: string[] | null;
  /** Bound to these; null: from anywhere; older recorders do not say. */
  addresses?: string[] | null;
  second_factor: boolean;
  last_seen: string | null;
}

export interface Group {
  name: string;
  built_in: boolean;
  rights: Rights;
}

export interface SignedIn {
  id: string;
  user: string;
  created: string;
  seen: string;
  peer: string | null;
  agent: string | null;
  current: boolean;
  watching: { camera: string; stream: string; how: string }[];
}

export interface Token {
  id: string;
  name: string;
  owner: string;
  rights: Rights;
  created: string;
  expires: string | null;
  used: string | null;
}

export interface AuditEntry {
  at: string;
  id: string;
  kind: string;
  user: string | null;
  peer: string | null;
  camera: string | null;
  text: string;
}

const one = (list: string, id: string): string => `/api/v1/${list}/${encodeURIComponent(id)}`;
const SECOND = '/api/v1/session/second-factor';

export const accounts = {
  /** Whether the first owner is still to choose a password. */
  setupNeeded: async (): Promise<boolean> => (await get<{ needed: boolean }>('/api/v1/setup')).needed,
  setUp: (link: string, name: string, password: string) => post<SessionBody>('/api/v1/setup', { link, name, password }),

  /** Somebody touches keys, mouse or screen. */
  input: () => post<SessionBody>('/api/v1/session/input', {}),
  password: (old: string, fresh: string) => change<void>('PUT', '/api/v1/session/password', { old, new: fresh }),
  beginSecondFactor: (password: string) => post<{ secret: string; uri: string }>(SECOND, { password }),
  confirmSecondFactor: (code: string) => change<{ recovery_codes: string[] }>('PUT', SECOND, { code }),
  endSecondFactor: (password: string) => change<void>('DELETE', SECOND, { password }),

  users: () => get<Account[]>('/api/v1/users'),
  addUser: (user: { name: string; password: string; group: string; cameras?: string[]; addresses?: string[] }) => post<Account>('/api/v1/users', user),
  changeUser: (name: string, what: { group?: string; enabled?: boolean; cameras?: string[] | null; addresses?: string[] | null; password?: string; second_factor?: false }) =>
    change<Account>('PUT', one('users', name), what),
  removeUser: (name: string) => change<void>('DELETE', one('users', name)),

  groups: () => get<Group[]>('/api/v1/groups'),
  putGroup: (name: string, rights: Rights) => change<Group>('PUT', one('groups', name), { rights }),
  removeGroup: (name: string) => change<void>('DELETE', one('groups', name)),

  sessions: () => get<SignedIn[]>('/api/v1/sessions'),
  endSession: (id: string) => change<void>('DELETE', one('sessions', id)),

  tokens: () => get<Token[]>('/api/v1/tokens'),
  addToken: (token: { name: string; rights: Rights; expires?: string }) => post<Token & { token: string }>('/api/v1/tokens', token),
  removeToken: (id: string) => change<void>('DELETE', one('tokens', id)),

  /** Newest first. */
  audit: (query: Record<string, string>) => get<{ entries: AuditEntry[]; next: string | null }>(`/api/v1/audit?${new URLSearchParams(query).toString()}`),
};
