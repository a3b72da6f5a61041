/** Which events a page shows. Pure; times are ms since 1970. */

import type { Happening } from '../api/alarms';
import { camerasAbout } from './source';

export interface EventFilter {
  kind: string | null;
  camera: string | null;
  /** Only alarms. */
  alarms: boolean;
  from: number | null;
  to: number | null;
}

export const EVERYTHING: EventFilter = { kind: null, camera: null, alarms: false, from: null, to: null };

export const isNarrow = (filter: EventFilter): boolean => Object.keys(query(filter)).length > 0;

/** As the recorder is asked, and as the page's own address says it. */
export function query(filter: EventFilter): Record<string, string> {
  const asked: Record<string, string> = {};
  if (filter.kind !== null) asked['kind'] = filter.kind;
  if (filter.camera !== null) asked['camera'] = filter.camera;
  if (filter.alarms) asked['severity'] = 'alarm';
  if (filter.from !== null) asked['from'] = new Date(filter.from).toISOString();
  if (filter.to !== null) asked['to'] = new Date(filter.to).toISOString();
  return asked;
}

export function filterOf(search: string): EventFilter {
  const asked = new URLSearchParams(search);
  const time = (name: string): number | null => {
    const ms = Date.parse(asked.get(name) ?? '');
    return Number.isNaN(ms) ? null : ms;
  };
  return {
    kind: asked.get('kind') || null,
    camera: asked.get('camera') || null,
    alarms: asked.get('severity') === 'alarm',
    from: time('from'),
    to: time('to'),
  };
}

/** As the recorder decides it, for events that it tells by itself. */
export function admits(filter: EventFilter, event: Happening): boolean {
  const start = Date.parse(event.start);
  const end = event.end === null ? Infinity : Date.parse(event.end);
  return (
    (filter.kind === null || filter.kind === event.kind) &&
    (filter.camera === null || camerasAbout(event).includes(filter.camera)) &&
    (!filter.alarms || event.severity === 'alarm') &&
    (filter.from === null || start >= filter.from || end > filter.from) &&
    (filter.to === null || start < filter.to)
  );
}
