/** Email, recipients, push, MQTT: how their tables are edited. */

import DeliveryState from '../../components/settings/DeliveryState.svelte';
import DeliveryTest from '../../components/settings/DeliveryTest.svelte';
import { t } from '../../messages';
import * as options from '../options';
import { choices, type ListSpec, type Look, type SingleSpec } from '../spec';

const names = t.settings.choices;
const is = (...kinds: string[]) => (look: Look): boolean => kinds.includes(String(look('kind')));

export const email: SingleSpec<'email'> = {
  table: 'email',
  optional: true,
  fresh: () => ({}),
  groups: [
    {
      title: 'server',
      fields: [
        { path: 'server', as: 'text', mono: true, placeholder: 'smtp.example.org:587' },
        { path: 'security', as: 'choice', of: choices(names.security), standard: 'starttls' },
        { path: 'username', as: 'text' },
        { path: 'password', as: 'secret' },
        { path: 'from', as: 'text', placeholder: 'vigie@example.org' },
      ],
    },
    {
      title: 'delivery',
      folded: true,
      fields: [
        { path: 'merge', as: 'duration', standard: '30s' },
        { path: 'expire', as: 'duration', standard: '24h' },
        { path: 'tls_ca', as: 'text', mono: true },
      ],
    },
  ],
};

export const recipients: ListSpec<'recipient'> = {
  table: 'recipient',
  summary: (entry) => String(entry['address'] ?? ''),
  fresh: () => ({}),
  state: DeliveryState,
  extra: DeliveryTest,
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
        { path: 'address', as: 'text', placeholder: 'ann@example.org' },
        { path: 'schedule', as: 'choice', of: options.whens, standard: 'always' },
        { path: 'pictures', as: 'toggle', standard: true },
      ],
    },
  ],
};

const WAIT: Readonly<Record<string, string>> = { ntfy: '10s', web_push: '10s', sms: '60s', webhook: '0s' };

export const pushes: ListSpec<'push'> = {
  table: 'push',
  summary: (entry) => [names.pushKind[entry['kind'] as keyof typeof names.pushKind] ?? entry['kind'], entry['url']].filter(Boolean).join(' · '),
  fresh: () => ({ kind: 'ntfy' }),
  state: DeliveryState,
  extra: DeliveryTest,
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'name', as: 'text' },
        { path: 'enabled', as: 'toggle', standard: true },
        { path: 'kind', as: 'choice', of: choices(names.pushKind) },
        { path: 'schedule', as: 'choice', of: options.whens, standard: 'always' },
        { path: 'url', as: 'text', mono: true, wide: true, only: is('ntfy', 'webhook', 'sms') },
        { path: 'token', as: 'secret', only: is('ntfy') },
        { path: 'username', as: 'text', only: is('ntfy') },
        { path: 'password', as: 'secret', only: is('ntfy') },
        { path: 'secret', as: 'secret', only: is('webhook') },
        { path: 'contact', as: 'text', placeholder: 'mailto:ann@example.org', only: is('web_push') },
        { path: 'method', as: 'choice', of: choices(names.method), standard: 'POST', only: is('sms') },
        { path: 'body', as: 'text', mono: true, wide: true, only: is('sms') },
        { path: 'headers', as: 'pairs', only: is('sms') },
        { path: 'to', as: 'lines', mono: true, placeholder: '+33612345678', only: is('sms') },
      ],
    },
    {
      title: 'delivery',
      folded: true,
      fields: [
        ...Object.entries(WAIT).map(([kind, standard]) => ({ path: 'merge', as: 'duration', standard, only: is(kind) }) as const),
        { path: 'expire', as: 'duration', standard: '1h' },
      ],
    },
  ],
};

export const mqtt: SingleSpec<'mqtt'> = {
  table: 'mqtt',
  optional: true,
  fresh: () => ({}),
  groups: [
    {
      title: 'general',
      fields: [
        { path: 'broker', as: 'text', mono: true, placeholder: 'mqtts://broker.example:8883' },
        { path: 'username', as: 'text' },
        { path: 'password', as: 'secret' },
        { path: 'prefix', as: 'text', mono: true, standard: 'vigie' },
        { path: 'discovery', as: 'text', mono: true, standard: 'homeassistant' },
      ],
    },
    {
      title: 'more',
      folded: true,
      fields: [
        { path: 'tls_ca', as: 'text', mono: true },
        { path: 'client_id', as: 'text', mono: true },
      ],
    },
  ],
};
