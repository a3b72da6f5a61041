/** Footage and pictures as files of the viewer's machine. Times are ms since 1970. */

import { at as below } from '../api/base';
import { send, videoUrl } from '../api/client';
import { Problem } from '../api/problem';
import { momentUrl } from '../api/snapshots';
import type { StreamName } from '../api/types';
import type { Span } from '../footage/causes';

/** A file of footage that the browser can be given. */
export interface Footage {
  camera: string;
  stream: StreamName;
  span: Span;
}

/** Browsers drop links that are clicked faster than ten a second. */
const APART_MS = 150;

/** A click on a link that nobody sees: the browser saves what it leads to, with its own progress. */
function save(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}

const fileTime = (time: number): string => new Date(time).toISOString().slice(0, 19).replace(/[-:]/g, '');

/** A range between the times where the format changes; from the next millisecond on, for those times are told more precisely. */
const between = ({ from, to }: Span, cuts: readonly number[]): Span[] => {
  const inner = cuts.filter((cut) => cut > from && cut + 1 < to);
  return [from, ...inner.map((cut) => cut + 1)].map((start, at) => ({ from: start, to: inner[at] ?? to }));
};

/**
 * The spans that files of this range have: one, or more where the format changes. `look` throws the recorder's
 * `Problem` where there is no file of a span; so does this if there is none at all. `told` of each that is found.
 */
export async function spansOf(range: Span, look: (span: Span) => Promise<void>, told: (count: number) => void = () => {}): Promise<Span[]> {
  const found: Span[] = [];
  const left: Span[] = [range];
  let none: Problem | null = null;
  for (let span = left.shift(); span; span = left.shift()) {
    try {
      await look(span);
      found.push(span);
      told(found.length);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      const parts = problem.code === 'mixed_formats' ? between(span, problem.cutAt) : [];
      if (parts.length > 1) left.unshift(...parts);
      else if (problem.code === 'no_footage') none = problem;
      else throw problem;
    }
  }
  if (found.length === 0 && none) throw none;
  return found;
}

/** The files of a range, of the first of these streams that has any. Throws the recorder's `Problem`. */
export async function filesOf(camera: string, streams: readonly StreamName[], range: Span, signal: AbortSignal, told: (count: number) => void): Promise<Footage[]> {
  const whole = { from: Math.floor(range.from), to: Math.ceil(range.to) };
  for (const [at, stream] of streams.entries()) {
    const look = async ({ from, to }: Span): Promise<void> => {
      const enough = new AbortController();
      await send(videoUrl(camera, stream, from, to), { headers: { Range: 'bytes=0-0' }, signal: AbortSignal.any([enough.signal, signal, AbortSignal.timeout(15_000)]) });
      enough.abort();
    };
    try {
      return (await spansOf(whole, look, told)).map((span) => ({ camera, stream, span }));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.code !== 'no_footage' || at === streams.length - 1) throw problem;
    }
  }
  return [];
}

/** Hands files to the browser, one after the other. */
export async function saveAll(files: readonly Footage[], signal: AbortSignal): Promise<void> {
  for (const { camera, stream, span } of files) {
    if (signal.aborted) return;
    save(`${below(videoUrl(camera, stream, span.from, span.to))}&download=true`, `${camera}-${fileTime(span.from)}Z.mp4`);
    await new Promise((done) => setTimeout(done, APART_MS));
  }
}

export async function savePicture(camera: string, at: number): Promise<void> {
  const response = await send(momentUrl(camera, 'main', at));
  const url = URL.createObjectURL(await response.blob());
  save(url, `${camera}-${fileTime(at)}Z.jpg`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const saveFile = save;
