/** Events for tests. */

import type { Action, Happening } from '../api/alarms';

const T0 = Date.parse('2026-11-20T10:00:00Z');
/** ms since 1970, so many seconds into the tests' day. */
export const s = (seconds: number): number => T0 + seconds * 1000;
export const iso = (seconds: number): string => new Date(s(seconds)).toISOString();

export const action = (what: string, target: string | null, state: Action['state'] = 'done'): Action => ({
  rule: null,
  what,
  target,
  state,
  at: null,
  detail: null,
});

/** `end` in seconds; null: it goes on. */
export function event(id: string, start: number, end: number | null, more: Partial<Happening> = {}): Happening {
  return {
    id,
    kind: 'motion',
    source: 'camera:gate',
    start: iso(start),
    end: end === null ? null : iso(end),
    severity: 'info',
    text: '',
    payload: null,
    actions: [],
    ...more,
  };
}
