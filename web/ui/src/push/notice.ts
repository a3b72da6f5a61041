/** What a push says, and where a press on it leads. Pure: the service worker is built of it. */

export interface Notice {
  title: string;
  options: {
    body: string;
    /** One that comes twice takes the place of the first. */
    tag: string;
    /** ms since 1970. */
    timestamp: number;
    /** It stays until somebody has seen it. */
    requireInteraction: boolean;
    data: { path: string };
  };
}

const EVENTS = '/events';

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
const asText = (value: unknown): string => (typeof value === 'string' ? value : '');

function parse(text: string): Record<string, unknown> {
  try {
    return asRecord(JSON.parse(text));
  } catch {
    return {};
  }
}

/** A browser wants something to be shown for every push, so what cannot be read is one without words. */
export function noticeOf(text: string, now: number): Notice {
  const told = parse(text);
  const at = Date.parse(asText(told['at']));
  return {
    title: asText(told['title']) || 'Vigie',
    options: {
      body: asText(told['body']),
      tag: asText(told['id']),
      timestamp: Number.isNaN(at) ? now : at,
      requireInteraction: told['alarm'] === true,
      data: { path: pathOf(told['event']) },
    },
  };
}

/** The footage of a camera's event; of any other the page that looks for it. Always an address of these pages. */
function pathOf(told: unknown): string {
  const event = asRecord(told);
  const at = Date.parse(asText(event['at']));
  const id = asText(event['id']);
  if (Number.isNaN(at) || id === '') return EVENTS;
  const time = `?at=${encodeURIComponent(new Date(at).toISOString())}`;
  const camera = /^(?:camera:|stream:)([^/]+)/.exec(asText(event['source']))?.[1];
  return camera === undefined ? `${EVENTS}/${encodeURIComponent(id)}${time}` : `/cameras/${encodeURIComponent(camera)}${time}`;
}

/** Where a notification leads; whatever it holds, to these pages. */
export function pathIn(data: unknown): string {
  const path = asText(asRecord(data)['path']);
  return /^\/(?![/\\])/.test(path) ? path : EVENTS;
}
