/** Messages that pop up: of one kind and source one at a time, a few at once. Pure; times are ms since 1970. */

import type { Happening } from '../api/alarms';

export interface Popup {
  /** Kind and source. */
  key: string;
  /** The newest one. */
  event: Happening;
  /** So many of this kind and source since it appeared. */
  count: number;
  /** It goes then. */
  until: number;
}

/** Seen at once; of the others there is a count. */
export const MOST_SEEN = 3;
export const SHOWN_MS = 15_000;
/** Beyond as many sources the oldest is dropped. */
const MOST_KEPT = 50;

export const wants = (event: Happening, what: string): boolean => event.actions.some((action) => action.what === what);

/** What began longer ago is no news where it was only caught up with. */
const FRESH_MS = 60_000;
/** So far the recorder's clock may seem to be behind without having been set back. */
const SET_BACK_MS = 5_000;

/**
 * Whether an event is to pop up. What is told as it begins always is, whatever the clocks say: its
 * messages are still to be shown then. Of all others its time decides: `shownBefore` is when the
 * newest one began that was shown before the page was loaded.
 */
export function isNews(event: Happening, caughtUp: boolean, shownBefore: number, now: number): boolean {
  const begins = event.actions.some(({ what, state }) => (what === 'popup_message' || what === 'popup_video') && state === 'planned');
  if (begins && !caughtUp) return true;
  const start = Date.parse(event.start);
  const known = shownBefore > now + SET_BACK_MS ? 0 : shownBefore;
  return start > known && now - start < FRESH_MS;
}

/** Those told last come first. */
export function add(popups: readonly Popup[], events: readonly Happening[], now: number): readonly Popup[] {
  const all = new Map(popups.map((popup) => [popup.key, popup]));
  for (const event of events) {
    const key = `${event.kind} ${event.source}`;
    const count = (all.get(key)?.count ?? 0) + 1;
    all.delete(key);
    all.set(key, { key, event, count, until: now + SHOWN_MS });
  }
  return [...all.values()].reverse().slice(0, MOST_KEPT);
}

/** Without those whose time is over. The same list where none is. */
export function rest(popups: readonly Popup[], now: number): readonly Popup[] {
  const left = popups.filter(({ until }) => until > now);
  return left.length === popups.length ? popups : left;
}

/** All of them begin their time anew, as somebody read them until now. */
export const prolong = (popups: readonly Popup[], now: number): readonly Popup[] =>
  popups.map((popup) => ({ ...popup, until: now + SHOWN_MS }));
