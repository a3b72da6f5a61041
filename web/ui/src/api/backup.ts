/** The set-up as one encrypted file, and back; and all of it forgotten. */

import { change, post, send } from './client';
import { match, trying, type Changed } from './config';

/** What restoring did, or would do. */
export interface Restored extends Changed {
  of: { name: string; saved: string; version: string };
  /** What becomes another beside the configuration: users, groups, tokens, layouts, tags. */
  people: string[];
  notes: string[];
  /** Whoever restored it is nobody of the backup. */
  signed_out: boolean;
}

/** Encrypting takes a second or two, and up to 44 MiB go over the line. */
const FILE_MS = 120_000;

export const backups = {
  async make(password: string): Promise<{ disposition: string | null; file: Blob }> {
    const response = await send('/api/v1/backup', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ password }),
      signal: AbortSignal.timeout(FILE_MS),
    });
    return { disposition: response.headers.get('Content-Disposition'), file: await response.blob() };
  },

  /** `file`: in base64. */
  restore: (backup: { file: string; password: string }, revision: string, tryOnly: boolean, progress: (share: number) => void) =>
    change<Restored>('POST', `/api/v1/restore${trying(tryOnly)}`, backup, { ...match(revision), timeoutMs: FILE_MS, progress }),

  /** `password`: the own one. Answers where the next owner begins. */
  reset: (password: string) => post<{ setup: string }>('/api/v1/factory-reset', { password }, FILE_MS),
};
