/** Where an event comes from. */

import type { Happening } from '../api/alarms';
import type { StreamName } from '../api/types';

export type Source =
  | { of: 'house' }
  | { of: 'camera' | 'disk' | 'input' | 'output'; id: string }
  | { of: 'stream'; id: string; stream: StreamName };

/** A source of a newer recorder counts as the house. */
export function sourceOf(text: string): Source {
  const at = text.indexOf(':');
  const [kind, rest] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  switch (kind) {
    case 'camera':
    case 'disk':
    case 'input':
    case 'output':
      return { of: kind, id: rest };
    case 'stream': {
      const [id = '', stream] = rest.split('/');
      return { of: 'stream', id, stream: stream === 'sub' ? 'sub' : 'main' };
    }
    default:
      return { of: 'house' };
  }
}

/** The camera that an event comes from. */
export function cameraOf(event: Happening): string | null {
  const source = sourceOf(event.source);
  return source.of === 'camera' || source.of === 'stream' ? source.id : null;
}

/** Cameras that an event is about, as the recorder counts them. */
export function camerasAbout(event: Happening): string[] {
  const own = cameraOf(event);
  const listed = event.payload?.['cameras'];
  const named = Array.isArray(listed) ? listed.filter((id): id is string => typeof id === 'string') : [];
  return [...new Set([...(own === null ? [] : [own]), ...named])];
}

/** Cameras whose footage shows an event: its own, and those that it had recorded. */
export function camerasShowing(event: Happening): string[] {
  const recorded = event.actions.flatMap(({ what, target, state }) =>
    what === 'record' && target !== null && state !== 'failed' && state !== 'expired' ? [target] : [],
  );
  return [...new Set([...camerasAbout(event), ...recorded])];
}
