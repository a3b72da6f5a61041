/** One MP4 of recorded footage: media time 0 is `from`, and media time runs with the wall clock. */

import { within } from '../api/base';
import { send, videoUrl } from '../api/client';
import { Problem } from '../api/problem';
import type { StreamName } from '../api/types';

export interface Clip {
  /** A path of the recorder's. */
  url: string;
  /** ms since 1970 */
  from: number;
  to: number;
}

/** Asked for at once; the browser fetches only what it needs of it. */
export const CLIP_MS = 30 * 60_000;

export function wallClock(clip: Clip, mediaSeconds: number): number {
  return Math.min(clip.to, clip.from + mediaSeconds * 1000);
}

/** Media time of a moment, or `null` when it is outside. */
export function mediaTime(clip: Clip, time: number): number | null {
  return clip.from <= time && time < clip.to ? (time - clip.from) / 1000 : null;
}

/** With the microseconds that `Date` does not know. */
export function instant(text: string): number {
  const beyond = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? '';
  return Date.parse(text) + Number(beyond.padEnd(3, '0')) / 1000;
}

/** What the recorder resolved the range to: `Content-Location` has the times it really gives. */
export function resolved(location: string | null, asked: Clip): Clip {
  if (!location) return asked;
  const base = 'http://recorder.invalid';
  const place = new URL(asked.url, base).href;
  if (!URL.canParse(location, place)) return asked;
  const url = new URL(location, place);
  const [from, to] = ['from', 'to'].map((key) => instant(url.searchParams.get(key) ?? ''));
  if (from === undefined || to === undefined || !(from < to)) return asked;
  return { url: within(url.pathname) + url.search, from, to };
}

/**
 * Footage from `from` on, at most `CLIP_MS` and up to the next change of format. Throws the
 * recorder's `Problem`, e.g. `no_footage`.
 */
export async function openClip(camera: string, stream: StreamName, from: number): Promise<Clip> {
  const ask = async (to: number): Promise<Clip> => {
    const asked = { url: videoUrl(camera, stream, from, to), from, to };
    const stop = new AbortController();
    const response = await send(asked.url, {
      headers: { Range: 'bytes=0-0' },
      signal: AbortSignal.any([stop.signal, AbortSignal.timeout(15_000)]),
    });
    const clip = resolved(response.headers.get('Content-Location'), asked);
    stop.abort();
    return clip;
  };
  try {
    return await ask(from + CLIP_MS);
  } catch (problem) {
    const cut = problem instanceof Problem ? problem.cutAt.find((time) => time > from) : undefined;
    if (cut === undefined) throw problem;
    return ask(cut);
  }
}

