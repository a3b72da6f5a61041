/** The sections of the settings: where they stand in the list, what they need, and their code, which comes when it is asked for. */

import type { Component } from 'svelte';
import type { IconName } from '../components/Icon.svelte';
import type { Messages } from '../messages';

export type SectionId = keyof Messages['settings']['section'];
export type SectionGroup = keyof Messages['settings']['sectionGroups'];
/** What a section shows; some take no notice of the entry. */
export type View = Component<{ entry: string | null }>;

export interface Section {
  id: SectionId;
  group: SectionGroup;
  icon: IconName;
  /** The right it takes; null: everybody's own. */
  needs: 'configure' | 'users' | null;
  load: () => Promise<{ default: Component<never> }>;
}

const at = (id: SectionId, group: SectionGroup, icon: IconName, load: Section['load'], needs: Section['needs'] = 'configure'): Section => ({ id, group, icon, load, needs });

export const SECTIONS: readonly Section[] = [
  at('cameras', 'cameras', 'camera', () => import('../components/settings/sections/Cameras.svelte')),
  at('recording', 'cameras', 'record', () => import('../components/settings/sections/Recording.svelte')),
  at('schedules', 'cameras', 'calendar', () => import('../components/settings/sections/Schedules.svelte')),
  at('motion', 'cameras', 'motion', () => import('../components/settings/sections/Motion.svelte')),
  at('disks', 'storage', 'disk', () => import('../components/settings/sections/Disks.svelte')),
  at('snapshots', 'storage', 'eye', () => import('../components/settings/sections/Snapshots.svelte')),
  at('rules', 'alarms', 'link', () => import('../components/settings/sections/Rules.svelte')),
  at('inputs', 'alarms', 'plug', () => import('../components/settings/sections/Inputs.svelte')),
  at('outputs', 'alarms', 'power', () => import('../components/settings/sections/Outputs.svelte')),
  at('buzzer', 'alarms', 'bell', () => import('../components/settings/sections/Buzzer.svelte')),
  at('email', 'messages', 'mail', () => import('../components/settings/sections/Email.svelte')),
  at('recipients', 'messages', 'users', () => import('../components/settings/sections/Recipients.svelte')),
  at('push', 'messages', 'phone', () => import('../components/settings/sections/Push.svelte')),
  at('mqtt', 'messages', 'link', () => import('../components/settings/sections/Mqtt.svelte')),
  at('account', 'people', 'user', () => import('../components/settings/sections/Account.svelte'), null),
  at('users', 'people', 'users', () => import('../components/settings/sections/Users.svelte'), 'users'),
  at('groups', 'people', 'shield', () => import('../components/settings/sections/Groups.svelte'), 'users'),
  at('sessions', 'people', 'eye', () => import('../components/settings/sections/Sessions.svelte'), null),
  at('tokens', 'people', 'key', () => import('../components/settings/sections/Tokens.svelte'), null),
  at('network', 'recorder', 'globe', () => import('../components/settings/sections/Network.svelte')),
  at('certificate', 'recorder', 'shield', () => import('../components/settings/sections/Certificate.svelte')),
  at('access', 'recorder', 'lock', () => import('../components/settings/sections/Access.svelte')),
  at('time', 'recorder', 'clock', () => import('../components/settings/sections/Time.svelte')),
  at('appearance', 'recorder', 'palette', () => import('../components/settings/sections/Appearance.svelte'), null),
  at('configuration', 'recorder', 'history', () => import('../components/settings/sections/Configuration.svelte')),
];
