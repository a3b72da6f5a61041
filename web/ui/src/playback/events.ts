/** Events of a playback's cameras: those in a window, and the nearest before or after a moment. */

import { alarms, type Happening } from '../api/alarms';
import { rfc3339 } from '../api/client';

export const MOST_EVENTS = 400;
const HOUR = 3_600_000;
/** Looked through one after the other; a month, a year. */
const REACHES = [HOUR, 6 * HOUR, 48 * HOUR, 720 * HOUR, 8_760 * HOUR];
/** What begins within so little of the moment is the event that one comes from. */
const SAME_MS = 900;

export interface EventsIn {
  events: Happening[];
  more: boolean;
}

export async function eventsIn(cameras: readonly string[], kind: string | null, from: number, to: number): Promise<EventsIn> {
  const { events, next } = await alarms.events({
    camera: cameras.join(','),
    ...(kind === null ? {} : { kind }),
    from: rfc3339(from),
    to: rfc3339(to),
    limit: String(MOST_EVENTS),
  });
  return { events, more: next !== null };
}

const starts = (events: readonly Happening[]): number[] => events.map(({ start }) => Date.parse(start));

/** When the nearest event before, or after, `time` began; null: there is none. */
export async function nearestEvent(cameras: readonly string[], kind: string | null, time: number, later: boolean, now: number, ask = eventsIn): Promise<number | null> {
  let done = 0;
  for (const reach of REACHES) {
    if (!later) {
      const { events } = await ask(cameras, kind, time - reach, time - done);
      const before = starts(events).filter((start) => start < time - SAME_MS);
      if (before.length > 0) return Math.max(...before);
    } else {
      if (time + done > now) return null;
      // The newest come first: of many, the span is halved until all of them are there.
      let to = time + reach;
      for (let tries = 0; tries < 12; tries++) {
        const { events, more } = await ask(cameras, kind, time + done, to);
        const after = starts(events).filter((start) => start > time + SAME_MS);
        if (after.length === 0 && !more) break;
        if (!more) return Math.min(...after);
        to = time + done + (to - time - done) / 2;
      }
    }
    done = reach;
  }
  return null;
}
