/** What a camera's `[camera.record]` amounts to, and how it is written. */

import type { Table } from '../api/config';

export const KINDS = ['continuous', 'motion', 'sensor', 'analytics'] as const;
export type Kind = (typeof KINDS)[number];

/** For each kind "always", "off", or the id of a schedule. */
export type Plan = Readonly<Record<Kind, string>>;

/** `mode` holds for kinds without a key of their own; without either, it is recorded continuously. */
export function planOf(record: Table | undefined): Plan {
  const mode = record?.['mode'] ?? 'always';
  const of = (kind: Kind): string => {
    const own = record?.[kind];
    if (typeof own === 'string') return own;
    const holds = kind === 'continuous' ? mode === 'always' : mode === 'events';
    return holds ? 'always' : 'off';
  };
  return { continuous: of('continuous'), motion: of('motion'), sensor: of('sensor'), analytics: of('analytics') };
}

/** The keys that say so without `mode`; `undefined`: not written, it holds anyway. */
export function keysOf(plan: Plan): Record<Kind | 'mode', string | undefined> {
  const unless = (kind: Kind, standard: string): string | undefined => (plan[kind] === standard ? undefined : plan[kind]);
  return {
    mode: undefined,
    continuous: unless('continuous', 'always'),
    motion: unless('motion', 'off'),
    sensor: unless('sensor', 'off'),
    analytics: unless('analytics', 'off'),
  };
}

/** One automatic mode: any mix of events, with or without recording all the time. */
export const automatic = (kinds: readonly Kind[]): Plan => {
  const of = (kind: Kind): string => (kinds.includes(kind) ? 'always' : 'off');
  return { continuous: of('continuous'), motion: of('motion'), sensor: of('sensor'), analytics: of('analytics') };
};

/** The kinds of an automatic mode; `null`: it keeps to schedules. */
export function mixOf(plan: Plan): Kind[] | null {
  return KINDS.every((kind) => plan[kind] === 'always' || plan[kind] === 'off') ? KINDS.filter((kind) => plan[kind] === 'always') : null;
}
