/** What can be chosen in forms: cameras, outputs, schedules … as the configuration names them. */

import type { ListName } from '../api/config';
import type { Choice } from '../components/Select.svelte';
import { kindWords } from '../events/words';
import { t } from '../messages';
import { configuration } from '../state/configuration.svelte';

const entries = (name: ListName): Choice[] =>
  configuration.list(name).map((entry) => ({ value: String(entry['id']), label: String(entry['name'] ?? entry['id']) }));

export const cameras = (): Choice[] => entries('camera');
export const outputs = (): Choice[] => entries('output');
export const recipients = (): Choice[] => entries('recipient');
export const pushes = (): Choice[] => entries('push');

export const schedules = (): Choice[] => [
  ...Object.entries(t.settings.fixedSchedules).map(([value, label]) => ({ value, label })),
  ...entries('schedule'),
];

/** When something happens: always, never, or in a week. */
export const whens = (): Choice[] => [
  { value: 'always', label: t.settings.when.always },
  { value: 'off', label: t.settings.when.off },
  ...schedules().filter(({ value }) => value !== '24x7'),
];

export const groups = (): Choice[] => {
  const named = [...configuration.list('disk').map((disk) => disk['group']), ...configuration.list('camera').map((camera) => camera['disk_group'])];
  const all = new Set(['default', ...named.filter((group) => typeof group === 'string')]);
  return [...all].map((value) => ({ value, label: value === 'default' ? t.settings.defaultGroup : value }));
};

/** Kinds of events that a rule can wait for. */
export const EVENTS = [
  'motion', 'sensor', 'analytics', 'manual', 'external',
  'stream_offline', 'stream_stalled', 'stream_refused', 'stream_live', 'motion_blind', 'nothing_recorded', 'footage_deleted',
  'disk_error', 'disk_full', 'disk_removed', 'disk_slow', 'disk_back', 'disk_released', 'disk_failing', 'no_disk', 'folder_refused',
  'overload', 'network_down', 'ip_conflict', 'illegal_access', 'clock_stepped', 'started', 'stopping', 'configuration_changed', 'configuration_refused',
] as const;

export const events = (): Choice[] => EVENTS.map((value) => ({ value, label: kindWords(value) }));

/** Where an event may come from, as rules name it. */
export const sources = (): Choice[] => {
  const of = (name: ListName, kind: string): Choice[] =>
    entries(name).map(({ value, label }) => ({ value: `${kind}:${value}`, label: t.settings.parts.source[kind as 'camera'](label) }));
  return [...of('camera', 'camera'), ...of('input', 'input'), ...of('output', 'output'), ...of('disk', 'disk'), { value: 'house', label: t.settings.parts.house }];
};
