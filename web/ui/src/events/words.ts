/** An event, its source and what was done about it, in the reader's words. */

import type { Action, ActionState } from '../api/alarms';
import { t } from '../messages';
import { sourceOf } from './source';

/** Names that people gave, by id. */
export interface Names {
  cameras: readonly { id: string; name: string }[];
  inputs: readonly { id: string; name: string }[];
  outputs: readonly { id: string; name: string }[];
}

export const named = (all: readonly { id: string; name: string }[], id: string): string => all.find((one) => one.id === id)?.name ?? id;

const plainly = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' ');

export function kindWords(kind: string): string {
  if (kind === 'misconfigured') return t.alarms.misconfigured;
  if (kind === 'not_recorded') return t.alarms.notRecorded;
  if (kind === 'output_failed') return t.alarms.outputFailed;
  return Object.hasOwn(t.events.kind, kind) ? t.events.kind[kind as keyof typeof t.events.kind] : plainly(kind);
}

export function sourceWords(text: string, names: Names): string {
  const source = sourceOf(text);
  switch (source.of) {
    case 'house':
      return t.events.house;
    case 'camera':
      return named(names.cameras, source.id);
    case 'stream': {
      const name = named(names.cameras, source.id);
      return source.stream === 'sub' ? t.events.subStream(name) : name;
    }
    case 'disk':
      return t.events.disk(source.id);
    case 'input':
      return named(names.inputs, source.id);
    case 'output':
      return named(names.outputs, source.id);
  }
}

/** What a newer recorder does is told by its name. */
export function actionWords({ what, target }: Action, names: Names): string {
  switch (what) {
    case 'record':
      return t.events.action.record(named(names.cameras, target ?? ''));
    case 'popup_video':
      return t.events.action.popup_video(named(names.cameras, target ?? ''));
    case 'output':
      return t.events.action.output(named(names.outputs, target ?? ''));
    case 'snapshot':
      return t.events.action.snapshot(named(names.cameras, target ?? ''));
    case 'email':
      return t.events.action.email(target ?? '');
    case 'push':
      return t.events.action.push(target ?? '');
    case 'buzzer':
    case 'popup_message':
      return t.events.action[what];
    default:
      return [plainly(what), target].filter(Boolean).join(' ');
  }
}

/** What became of it: messages are sent, other things done. */
export function outcomeWords(what: string, state: ActionState): string {
  return (what === 'email' || what === 'push') && state === 'done' ? t.events.sent : t.events.outcome[state];
}
