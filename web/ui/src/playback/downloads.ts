/** Footage and pictures as files of the viewer's machine. Times are ms since 1970. */

import { at as below } from '../api/base';
import { send, videoUrl } from '../api/client';
import { Problem } from '../api/problem';
import { momentUrl } from '../api/snapshots';
import type { StreamName } from '../api/types';
import type { Span } from '../footage/causes';

/** More changes of format are not cut out one by one. */
const MOST_PIECES = 20;

/** A click on a link that nobody sees: the browser saves what it leads to, with its own progress. */
function save(url: string, name: string): void {
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
}

const fileTime = (time: number): string => new Date(time).toISOString().slice(0, 19).replace(/[-:]/g, '');

/** The spans that files of this range have: one, or more where the format changes. Throws the recorder's `Problem`. */
export async function filesOf(camera: string, stream: StreamName, range: Span): Promise<Span[]> {
  const files: Span[] = [];
  const { to } = range;
  for (let from = range.from; from < to && files.length < MOST_PIECES; ) {
    let end = to;
    const look = async (): Promise<void> => {
      const stop = new AbortController();
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(15_000)]);
      await send(videoUrl(camera, stream, from, end), { headers: { Range: 'bytes=0-0' }, signal });
      stop.abort();
    };
    try {
      await look();
    } catch (problem) {
      const cut = problem instanceof Problem && problem.code === 'mixed_formats' ? problem.cutAt.find((time) => time > from) : undefined;
      if (cut === undefined) throw problem;
      end = cut;
    }
    files.push({ from, to: end });
    from = end;
  }
  return files;
}

/** How many files the browser was given. */
export async function saveRange(camera: string, stream: StreamName, range: Span): Promise<number> {
  const files = await filesOf(camera, stream, { from: Math.floor(range.from), to: Math.ceil(range.to) });
  for (const { from, to } of files) save(below(videoUrl(camera, stream, from, to)), `${camera}-${fileTime(from)}Z.mp4`);
  return files.length;
}

export async function savePicture(camera: string, at: number): Promise<void> {
  const response = await send(momentUrl(camera, 'main', at));
  const url = URL.createObjectURL(await response.blob());
  save(url, `${camera}-${fileTime(at)}Z.jpg`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export const saveFile = save;
