/** The recorder itself, its disks, its pictures, its cameras: how their tables are edited. */

import MotionField from '../../components/settings/MotionField.svelte';
import UrlField from '../../components/settings/UrlField.svelte';
import WeekField from '../../components/settings/WeekField.svelte';
import WhenField from '../../components/settings/WhenField.svelte';
import { t } from '../../messages';
import * as options from '../options';
import { choices, type FieldSpec, type ListSpec, type Look, type SingleSpec } from '../spec';
import { weekOf, weekWords } from '../week';

const names = t.settings.choices;

const stream = (name: 'main' | 'sub'): FieldSpec<'camera'>[] => [
  { path: `${name}.url`, as: 'own', view: UrlField },
  { path: `${name}.transport`, as: 'choice', of: choices(names.transport), standard: 'tcp' },
  { path: `${name}.stall_after`, as: 'duration', standard: '10s' },
  { path: `${name}.audio`, as: 'toggle', standard: true },
  { path: `${name}.tls_ca`, as: 'text', mono: true, only: (look) => /^(rtsps|https):/.test(String(look(`${name}.url`))) },
  { path: `${name}.tls_fingerprint`, as: 'text', mono: true, only: (look) => /^(rtsps|https):/.test(String(look(`${name}.url`))) },
];

export const cameras: ListSpec<'camera'> = {
  table: 'camera',
  summary: (entry) => String((entry['main'] as { url?: string } | undefined)?.url ?? ''),
  fresh: () => ({ main: { url: '' } }),
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
      ],
    },
    {
      title: 'sign_in',
      fields: [
        { path: 'username', as: 'text' },
        { path: 'password', as: 'secret' },
      ],
    },
    { title: 'main', fields: stream('main') },
    { title: 'sub', fields: stream('sub') },
    {
      title: 'record',
      fields: [
        { path: 'record.continuous', as: 'own', view: WhenField },
        { path: 'record.streams', as: 'picks', of: choices(names.streams) },
      ],
    },
    {
      title: 'alarm',
      fields: [
        { path: 'record.pre_alarm', as: 'duration', standard: '5s' },
        { path: 'record.post_alarm', as: 'duration', standard: '10s' },
      ],
    },
    {
      title: 'keep',
      fields: [
        { path: 'record.max_age', as: 'duration', unit: 'd' },
        { path: 'record.min_age', as: 'duration', unit: 'd' },
        { path: 'disk_group', as: 'choice', of: options.groups, standard: 'default' },
      ],
    },
    {
      title: 'motion',
      fields: [
        { path: 'motion.enabled', as: 'toggle', standard: true },
        { path: 'motion.sensitivity', as: 'number', min: 0, max: 100, standard: 50, only: (look) => look('motion.enabled') !== false },
        { path: 'motion.hold', as: 'duration', standard: '5s', only: (look) => look('motion.enabled') !== false },
        { path: 'motion.area', as: 'own', view: MotionField, only: (look) => look('motion.enabled') !== false },
      ],
    },
    {
      title: 'more',
      folded: true,
      fields: [
        { path: 'record.continuous_streams', as: 'picks', of: choices(names.streams) },
        { path: 'record.event_streams', as: 'picks', of: choices(names.streams) },
        { path: 'record.segment', as: 'duration', standard: '60s' },
        { path: 'record.pre_alarm_memory', as: 'size', standard: '32 MiB' },
        { path: 'record.alarm_after', as: 'duration', standard: '1h' },
        { path: 'rtsp_anonymous', as: 'toggle', standard: false },
        { path: 'preview', as: 'toggle', standard: false },
      ],
    },
  ],
};

export const schedules: ListSpec<'schedule'> = {
  table: 'schedule',
  summary: (entry) => weekWords(weekOf(entry)),
  fresh: () => ({}),
  groups: [
    { title: 'general', fields: [{ path: 'name', as: 'text' }] },
    { title: 'week', fields: [{ path: 'week', as: 'own', view: WeekField }] },
  ],
};

export const disks: ListSpec<'disk'> = {
  table: 'disk',
  summary: (entry) => String(entry['path'] ?? ''),
  fresh: () => ({}),
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'path', as: 'text', mono: true, wide: true, placeholder: '/srv/vigie/d1/footage' },
        { path: 'group', as: 'text', standard: 'default' },
        { path: 'require_mount', as: 'toggle', standard: false },
      ],
    },
    {
      title: 'space',
      fields: [
        { path: 'keep_free', as: 'size', standard: '5 GiB' },
        { path: 'max_size', as: 'size' },
        { path: 'when_full', as: 'choice', of: choices(names.whenFull), standard: 'cycle' },
        { path: 'tick', as: 'duration', standard: '1s' },
      ],
    },
  ],
};

export const snapshots: SingleSpec<'snapshots'> = {
  table: 'snapshots',
  fresh: () => ({}),
  groups: [
    {
      title: 'space',
      fields: [
        { path: 'max_age', as: 'duration', standard: '90d' },
        { path: 'max_size', as: 'size', standard: '10 GiB' },
      ],
    },
  ],
};

export const network: SingleSpec<'server'> = {
  table: 'server',
  fresh: () => ({}),
  groups: [
    {
      title: 'addresses',
      fields: [
        { path: 'http', as: 'lines', single: true, mono: true, placeholder: '0.0.0.0:8080' },
        { path: 'rtsp', as: 'text', mono: true, standard: '0.0.0.0:8554' },
      ],
    },
  ],
};

export const identity: SingleSpec<'server'> = {
  table: 'server',
  fresh: () => ({}),
  groups: [
    {
      title: 'identity',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'time_zone', as: 'choice', of: () => [{ value: '', label: t.settings.parts.systemZone }, ...Intl.supportedValuesOf('timeZone').map((value) => ({ value, label: value }))] },
      ],
    },
  ],
};

export const access: SingleSpec<'server'> = {
  table: 'server',
  fresh: () => ({}),
  groups: [
    {
      title: 'addresses',
      fields: [
        { path: 'access.allow', as: 'lines', mono: true, placeholder: '192.0.2.0/24' },
        { path: 'access.block', as: 'lines', mono: true, placeholder: '192.0.2.66' },
      ],
    },
    { title: 'idle', fields: [{ path: 'access.idle_sign_out', as: 'duration', unit: 'm' }] },
  ],
};

const is = (kind: string) => (look: Look): boolean => (look('certificate.kind') ?? 'own') === kind;

export const certificate: SingleSpec<'server'> = {
  table: 'server',
  fresh: () => ({}),
  groups: [
    {
      title: 'encrypted',
      fields: [
        { path: 'https', as: 'lines', single: true, mono: true, placeholder: '0.0.0.0:8443' },
        { path: 'http_redirect', as: 'toggle', standard: false },
        { path: 'hsts', as: 'duration', unit: 'd' },
      ],
    },
    {
      title: 'certificate',
      fields: [
        // Written down whenever it is chosen: a table of a certificate must say its kind.
        { path: 'certificate.kind', as: 'choice', of: choices({ '': names.certificateStandard, ...names.certificateKind }) },
        { path: 'certificate.names', as: 'lines', mono: true, placeholder: 'vigie.lan', only: (look) => look('certificate.kind') === 'own' },
        { path: 'certificate.chain', as: 'text', mono: true, wide: true, placeholder: '/etc/vigie/tls/fullchain.pem', only: is('files') },
        { path: 'certificate.key', as: 'text', mono: true, wide: true, placeholder: '/etc/vigie/tls/privkey.pem', only: is('files') },
        { path: 'certificate.domains', as: 'lines', mono: true, placeholder: 'vigie.example.org', only: is('acme') },
        { path: 'certificate.contact', as: 'lines', single: true, mono: true, placeholder: 'owner@example.org', only: is('acme') },
        { path: 'certificate.directory', as: 'text', mono: true, wide: true, standard: 'https://acme-v02.api.letsencrypt.org/directory', only: is('acme') },
        { path: 'certificate.challenge', as: 'choice', of: choices(names.challenge), standard: 'http-01', only: is('acme') },
        { path: 'certificate.tls_ca', as: 'text', mono: true, wide: true, only: is('acme') },
      ],
    },
  ],
};
