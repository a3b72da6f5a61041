/** Times in the recorder's zone and figures, as the reader's language writes them. */

import type { Unheard } from '../live/sound';
import { site } from '../state/zone.svelte';
import { language, t } from './index';

/** Dates follow the reader's region (day or month first), words the catalogue. */
export const region =
  typeof navigator === 'undefined'
    ? language
    : (navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language);

const formats = new Map<string, Intl.DateTimeFormat>();

/** Made once for each zone (`undefined`: the browser's) and `key`: making one takes longer than all that it writes. */
export function inZone(zone: string | undefined, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${zone ?? ''} ${key}`;
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(region, { ...options, hourCycle: 'h23', timeZone: zone });
    formats.set(name, found);
  }
  return found;
}

const HM = { hour: '2-digit', minute: '2-digit' } as const;
const DAY = { day: 'numeric', month: 'short' } as const;
const oneDigit = new Intl.NumberFormat(region, { maximumFractionDigits: 1 });

/** `zone`: otherwise than the recorder's. */
export const clockTime = (ms: number, zone = site.name): string => inZone(zone, 'hms', { ...HM, second: '2-digit' }).format(ms);
export const shortTime = (ms: number): string => inZone(site.name, 'hm', HM).format(ms);
/** Of what may be years off. */
export const dateAndTime = (ms: number): string => `${inZone(site.name, 'dmy', { ...DAY, year: 'numeric' }).format(ms)}, ${shortTime(ms)}`;
export const dayAndTime = (ms: number): string => `${inZone(site.name, 'dm', DAY).format(ms)}, ${clockTime(ms)}`;
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
  const units = language === 'fr' ? ['o', 'ko', 'Mo', 'Go', 'To', 'Po'] : ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
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
  // As MIME types have them.
  mp4a: 'AAC',
  ulaw: 'G.711 µ-law',
  alaw: 'G.711 A-law',
};

export const codecName = (codec: string): string => CODECS[codec] ?? codec;

/** Why sound is not played. */
export function unheardWords({ codec, why }: Unheard): string {
  const name = codecName(codec.split('.')[0] ?? codec);
  return why === 'codec' ? t.live.soundCodec(name) : t.live.soundFails(name);
}
