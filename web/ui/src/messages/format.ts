/** Times in the reader's zone and figures, as the reader's language writes them. */

import { language, t } from './index';

/** Dates follow the reader's region (day or month first), words the catalogue. */
const region =
  typeof navigator === 'undefined'
    ? language
    : (navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language);

const toSecond = new Intl.DateTimeFormat(region, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const toMinute = new Intl.DateTimeFormat(region, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(region, { day: 'numeric', month: 'short' });
const oneDigit = new Intl.NumberFormat(region, { maximumFractionDigits: 1 });

export const clockTime = (ms: number): string => toSecond.format(ms);
export const shortTime = (ms: number): string => toMinute.format(ms);
const dayOfYear = new Intl.DateTimeFormat(region, { day: 'numeric', month: 'short', year: 'numeric' });
/** Of what may be years off. */
export const dateAndTime = (ms: number): string => `${dayOfYear.format(ms)}, ${toMinute.format(ms)}`;
export const dayAndTime = (ms: number): string => `${day.format(ms)}, ${toSecond.format(ms)}`;
export const figure = (value: number): string => oneDigit.format(value);

/** How long something lasts, in its two largest units. */
export function lasting(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)];
  if (minutes === 0) return t.span.seconds(seconds);
  if (hours === 0) return t.span.minutes(minutes, seconds % 60);
  return days === 0 ? t.span.hours(hours, minutes % 60) : t.span.days(days, hours % 24);
}

/** How long after an event something was done; short waits to the tenth of a second. */
export function delayWords(ms: number): string {
  if (ms < 100) return t.events.atOnce;
  return t.events.after(ms < 10_000 ? t.span.tenths(oneDigit.format(ms / 1000)) : lasting(ms));
}

export function bitrate(bps: number): string {
  return bps >= 1_000_000 ? `${oneDigit.format(bps / 1_000_000)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`;
}

/** Sizes of disks, in powers of 1000 as disks are sold. */
export function bytes(value: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  return `${oneDigit.format(value / 1000 ** power)} ${units[power] ?? ''}`;
}

const CODECS: Record<string, string> = {
  h264: 'H.264',
  h265: 'H.265',
  mjpeg: 'Motion JPEG',
  aac: 'AAC',
  opus: 'Opus',
  pcmu: 'G.711 µ-law',
  pcma: 'G.711 A-law',
};

export const codecName = (codec: string): string => CODECS[codec] ?? codec;
