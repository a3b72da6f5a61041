/** What the alarms panel tells of: what goes on, and what has just happened, the gravest first. Pure. */

import type { Happening, Output, Severity } from '../api/alarms';
import type { Camera } from '../api/types';
import { sourceOf } from './source';

export interface Concern {
  key: string;
  severity: Severity;
  /** An event's kind, or `misconfigured` or `not_recorded` of a camera, or `output_failed`. */
  kind: string;
  source: string;
  /** ms since 1970; `null`: not known. */
  since: number | null;
  /** It is over already. */
  moment: boolean;
  /** The recorder's own words. */
  text: string;
}

const GRAVITY: Record<Severity, number> = { alarm: 2, warning: 1, info: 0 };

/** Both streams of a camera have one trouble: it is told once. */
function keyOf(event: Happening): string {
  const source = sourceOf(event.source);
  return source.of === 'stream' ? `${event.kind} camera:${source.id}` : `${event.kind} ${event.source}`;
}

const concern = (event: Happening, moment: boolean): Concern => ({
  key: keyOf(event),
  severity: event.severity,
  kind: event.kind,
  source: event.source,
  since: Date.parse(event.start),
  moment,
  text: event.text,
});

const TROUBLES: Partial<Record<Camera['state'], string>> = {
  offline: 'stream_offline',
  stalled: 'stream_stalled',
  refused: 'stream_refused',
  misconfigured: 'misconfigured',
};

function troubles(camera: Camera): Concern[] {
  const source = `camera:${camera.id}`;
  const told = { severity: 'alarm', source, since: null, moment: false } as const;
  const states = [camera, ...Object.values(camera.streams)].flatMap(({ state, error }) => {
    const kind = TROUBLES[state];
    return kind === undefined ? [] : [{ ...told, key: `${kind} ${source}`, kind, text: error ?? '' }];
  });
  const { not_recording: why, motion } = camera;
  if (why) states.push({ ...told, key: `not_recorded ${source}`, kind: 'not_recorded', text: why });
  const blind = { ...told, severity: 'warning', key: `motion_blind ${source}`, kind: 'motion_blind', text: motion.error ?? '' } as const;
  return motion.error === null ? states : [...states, blind];
}

function failures({ id, enabled, error }: Output): Concern[] {
  if (!enabled || error === null) return [];
  const source = `output:${id}`;
  return [{ key: `output_failed ${source}`, severity: 'warning', kind: 'output_failed', source, since: null, moment: false, text: error }];
}

/** All that is known now. */
export interface Now {
  going: readonly Happening[];
  /** Those that are to be told of still. */
  moments: readonly Happening[];
  cameras: readonly Camera[];
  outputs: readonly Output[];
}

export function concerns({ going, moments, cameras, outputs }: Now): Concern[] {
  const all = new Map<string, Concern>();
  for (const event of [...going].sort((a, b) => Date.parse(a.start) - Date.parse(b.start))) {
    const one = concern(event, false);
    if (!all.has(one.key)) all.set(one.key, one);
  }
  // What cameras and outputs say by themselves counts where no event tells it.
  for (const one of [...cameras.flatMap(troubles), ...outputs.flatMap(failures)]) if (!all.has(one.key)) all.set(one.key, one);
  for (const event of moments) {
    const one = concern(event, true);
    if (!all.has(one.key)) all.set(one.key, one);
  }
  return [...all.values()].sort(
    (a, b) =>
      GRAVITY[b.severity] - GRAVITY[a.severity] || Number(a.moment) - Number(b.moment) || (b.since ?? 0) - (a.since ?? 0),
  );
}

/** What goes on at a camera: motion and the like of its own, and inputs whose events record it. */
export function marksOf(camera: string, going: readonly Happening[]): Happening[] {
  return going.filter((event) => {
    if (event.kind === 'manual') return false;
    const records = event.actions.some(({ what, target }) => what === 'record' && target === camera);
    return records || ((event.kind === 'motion' || event.kind === 'analytics') && event.source === `camera:${camera}`);
  });
}
