/** Inputs, outputs, the buzzer, rules: how their tables are edited. */

import type { Table } from '../../api/config';
import DeviceExtra from '../../components/settings/DeviceExtra.svelte';
import DeviceState from '../../components/settings/DeviceState.svelte';
import FromField from '../../components/settings/FromField.svelte';
import { kindWords } from '../../events/words';
import { t } from '../../messages';
import * as options from '../options';
import { choices, type ListSpec, type Look, type SingleSpec } from '../spec';

const names = t.settings.choices;
const is = (kind: string) => (look: Look): boolean => look('kind') === kind;
const words = (entry: Table, key: string): string => (typeof entry[key] === 'string' || typeof entry[key] === 'number' ? String(entry[key]) : '');
const listed = (entry: Table, key: string): string[] => (Array.isArray(entry[key]) ? entry[key].map(String) : []);
const kindOf = (kinds: Readonly<Record<string, string>>, entry: Table): string => (kinds[words(entry, 'kind')] ?? words(entry, 'kind')).split(':')[0] ?? '';
const nameIn = (all: { value: string; label: string }[], id: string): string => all.find(({ value }) => value === id)?.label ?? id;

export const inputs: ListSpec<'input'> = {
  table: 'input',
  summary: (entry) => [kindOf(names.inputKind, entry), words(entry, 'topic') || words(entry, 'line')].filter(Boolean).join(' · '),
  fresh: () => ({ kind: 'http' }),
  state: DeviceState,
  extra: DeviceExtra,
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
        { path: 'kind', as: 'choice', of: choices(names.inputKind), wide: true },
        { path: 'token', as: 'secret', only: is('http') },
        { path: 'topic', as: 'text', mono: true, only: is('mqtt') },
        { path: 'field', as: 'text', mono: true, only: is('mqtt') },
        { path: 'active', as: 'text', mono: true, standard: 'ON', only: is('mqtt') },
        { path: 'inactive', as: 'text', mono: true, standard: 'OFF', only: is('mqtt') },
        { path: 'chip', as: 'text', mono: true, placeholder: '/dev/gpiochip0', only: is('gpio') },
        { path: 'line', as: 'text', mono: true, standard: 0, only: is('gpio') },
        { path: 'bias', as: 'choice', of: choices(names.bias), standard: 'as_is', only: is('gpio') },
        { path: 'closed', as: 'choice', of: choices(names.level), only: is('gpio') },
      ],
    },
    {
      title: 'behaviour',
      fields: [
        { path: 'normally', as: 'choice', of: choices(names.contact), standard: 'open', only: (look) => look('kind') !== 'mqtt' },
        { path: 'hold', as: 'duration', standard: '10s', only: (look) => look('kind') !== 'gpio' },
        { path: 'debounce', as: 'duration', standard: '0s' },
      ],
    },
  ],
};

export const outputs: ListSpec<'output'> = {
  table: 'output',
  summary: (entry) => [kindOf(names.outputKind, entry), words(entry, 'topic') || words(entry, 'line') || words(entry, 'on')].filter(Boolean).join(' · '),
  fresh: () => ({ kind: 'http' }),
  state: DeviceState,
  extra: DeviceExtra,
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
        { path: 'kind', as: 'choice', of: choices(names.outputKind), wide: true },
        { path: 'chip', as: 'text', mono: true, placeholder: '/dev/gpiochip0', only: is('gpio') },
        { path: 'line', as: 'text', mono: true, only: is('gpio') },
        { path: 'topic', as: 'text', mono: true, only: is('mqtt') },
        { path: 'on', as: 'text', mono: true, wide: true },
        { path: 'on_body', as: 'text', mono: true, only: is('http') },
        { path: 'off', as: 'text', mono: true, wide: true, only: (look) => look('kind') !== 'gpio' },
        { path: 'off_body', as: 'text', mono: true, only: is('http') },
        { path: 'method', as: 'choice', of: choices(names.method), standard: 'POST', only: is('http') },
        { path: 'retain', as: 'toggle', standard: false, only: is('mqtt') },
      ],
    },
    {
      title: 'behaviour',
      fields: [
        { path: 'hold', as: 'duration', standard: '10s' },
        { path: 'schedule', as: 'choice', of: options.whens, standard: 'always' },
      ],
    },
  ],
};

export const buzzer: SingleSpec<'buzzer'> = {
  table: 'buzzer',
  optional: true,
  fresh: () => ({ kind: 'sound' }),
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'kind', as: 'choice', of: choices(names.buzzerKind) },
        { path: 'duration', as: 'duration', standard: '10s' },
        { path: 'file', as: 'text', mono: true, only: is('sound') },
        { path: 'device', as: 'text', mono: true, only: (look) => look('kind') !== 'gpio' },
        { path: 'chip', as: 'text', mono: true, placeholder: '/dev/gpiochip0', only: is('gpio') },
        { path: 'line', as: 'text', mono: true, standard: 0, only: is('gpio') },
        { path: 'on', as: 'choice', of: choices(names.level), standard: 'high', only: is('gpio') },
      ],
    },
  ],
};

export const rules: ListSpec<'rule'> = {
  table: 'rule',
  summary: (entry) => {
    const on = listed(entry, 'on').map(kindWords).join(', ');
    const done = [
      ['record', options.cameras()], ['snapshot', options.cameras()], ['outputs', options.outputs()], ['popup_video', options.cameras()],
      ['email', options.recipients()], ['push', options.pushes()],
    ] as const;
    const actions = done.flatMap(([key, all]) => {
      const targets = listed(entry, key);
      const label = t.settings.fields.rule[key][0] ?? key;
      return targets.length === 0 ? [] : [`${label}: ${targets.includes('*') ? t.settings.entry.anyone : targets.map((id) => nameIn(all, id)).join(', ')}`];
    });
    return `${on} → ${actions.join(' · ') || t.common.none}`;
  },
  fresh: () => ({ on: ['motion'] }),
  groups: [
    {
      title: 'when',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
        { path: 'on', as: 'picks', of: options.events },
        { path: 'from', as: 'own', view: FromField },
        { path: 'schedule', as: 'choice', of: options.whens, standard: 'always' },
        { path: 'min_interval', as: 'duration', standard: '0s' },
      ],
    },
    {
      title: 'then',
      fields: [
        { path: 'record', as: 'picks', of: options.cameras, every: true },
        { path: 'snapshot', as: 'picks', of: options.cameras, every: true },
        { path: 'outputs', as: 'picks', of: options.outputs, every: true },
        { path: 'buzzer', as: 'toggle', standard: false },
      ],
    },
    {
      title: 'tell',
      fields: [
        { path: 'popup_video', as: 'picks', of: options.cameras, every: true },
        { path: 'email', as: 'picks', of: options.recipients, every: true },
        { path: 'push', as: 'picks', of: options.pushes, every: true },
        { path: 'popup_message', as: 'toggle', standard: false },
      ],
    },
  ],
};
