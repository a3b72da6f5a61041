/** Files of backups as a page meets them. Pure, but for reading a file of whoever looks at it. */

import { Problem } from '../api/problem';

/** No backup is larger: nothing larger is read or sent. */
export const MOST_BYTES = 32 * 1024 * 1024;
/** Where a file says what it is. */
export const HEAD_BYTES = 4_096;

export interface Head {
  /** Of the recorder. */
  name: string;
  /** ms since 1970. */
  saved: number;
  /** Of the program. */
  version: string;
}

/** What everybody may read of a backup, the password unknown; `null`: it is none, or says nothing. */
export function headOf(text: string): Head | null {
  const [first = '', second = ''] = text.split('\n', 2);
  if (!/^vigie backup \d+$/.test(first)) return null;
  try {
    const head = JSON.parse(second) as Record<string, unknown> | null;
    const { name, saved, version } = head ?? {};
    const time = Date.parse(String(saved));
    if (typeof name !== 'string' || typeof version !== 'string' || Number.isNaN(time)) return null;
    return { name, saved: time, version };
  } catch {
    return null;
  }
}

/** What the recorder calls the file. */
export function fileName(disposition: string | null, now: number): string {
  const named = /filename="([^"/\\]+)"/.exec(disposition ?? '')?.[1];
  return named ?? `vigie-${new Date(now).toISOString().slice(0, 10)}.vigie`;
}

/** Which of the two that were given the recorder complains of; `null`: of neither. */
export function culprit(problem: Problem): 'file' | 'password' | null {
  if (problem.status === 413 || problem.code === 'file') return 'file';
  if (problem.status !== 400) return null;
  return /\bpassword\b/i.test(problem.detail) ? 'password' : 'file';
}

/** As requests carry it. A file that was moved or deleted since it was chosen is a `Problem`. */
export function base64(file: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => {
      const address = String(reader.result);
      done(address.slice(address.indexOf(',') + 1));
    };
    reader.onerror = () => failed(new Problem(0, 'file', reader.error?.message ?? ''));
    reader.readAsDataURL(file);
  });
}
