/** Words of a playback: times in the site's zone and as the reader's language writes them, and what there is at one. */

import { t } from '../messages';
import { inZone } from '../messages/format';
import type { Tick } from './scale';
import type { Found } from './timeline';
import type { Zone } from './zone';

const format = (zone: Zone, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => inZone(zone.name, key, options);

const HM = { hour: '2-digit', minute: '2-digit' } as const;
const HMS = { ...HM, second: '2-digit' } as const;
const DAY = { weekday: 'short', day: 'numeric', month: 'short' } as const;

export function tickWords({ time, unit }: Tick, zone: Zone): string {
  switch (unit) {
    case 'second':
      return format(zone, 'hms', HMS).format(time);
    case 'minute':
      return format(zone, 'hm', HM).format(time);
    case 'day':
      return format(zone, 'dm', { day: 'numeric', month: 'short' }).format(time);
    case 'month':
      return format(zone, 'dm', { day: 'numeric', month: 'short' }).format(time);
  }
}

export const secondWords = (time: number, zone: Zone): string => format(zone, 'hms', HMS).format(time);
export const minuteWords = (time: number, zone: Zone): string => format(zone, 'hm', HM).format(time);
export const dayWords = (time: number, zone: Zone): string => format(zone, 'day', DAY).format(time);
export const longDayWords = (time: number, zone: Zone): string =>
  format(zone, 'long', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }).format(time);
export const monthWords = (time: number, zone: Zone): string => format(zone, 'month', { month: 'long', year: 'numeric' }).format(time);
export const weekdayWords = (time: number, zone: Zone): string => format(zone, 'weekday', { weekday: 'narrow' }).format(time);

/** As exact as a window of this length, in ms, is. */
export function timeWords(time: number, length: number, zone: Zone): string {
  return `${dayWords(time, zone)}, ${length > 3 * 86_400_000 ? minuteWords(time, zone) : secondWords(time, zone)}`;
}

/** Nothing is said where it is not known yet. */
export function foundWords(found: Found): string {
  switch (found.kind) {
    case 'footage':
      return found.causes.length === 0 ? t.replay.recorded : t.footage.recorded(found.causes.map((cause) => t.footage.cause[cause]).join(', '));
    case 'gap':
      return t.footage.gap(t.footage.gapCause[found.cause]);
    case 'none':
      return t.footage.nothing;
    case 'unknown':
      return '';
  }
}
