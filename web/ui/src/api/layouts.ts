/** Walls and sequences that the recorder keeps under a name. */

import { get, send } from './client';

export interface Kept {
  /** `a-z0-9-_`, at most 40 */
  id: string;
  name: string;
  /** The page's own: whatever it wrote. */
  body: unknown;
  /** Everybody sees it. */
  shared: boolean;
  owner: string;
  revision: string;
}

const path = (id: string): string => `/api/v1/layouts/${encodeURIComponent(id)}`;

export const layouts = {
  all: () => get<Kept[]>('/api/v1/layouts'),

  /** `revision`: of what is changed; `null`: there must be none of this id yet. */
  async write(id: string, kept: Pick<Kept, 'name' | 'body' | 'shared'>, revision: string | null): Promise<void> {
    const condition = revision === null ? { 'If-None-Match': '*' } : { 'If-Match': `"${revision}"` };
    await send(path(id), { method: 'PUT', headers: { 'Content-Type': 'application/json', ...condition }, body: JSON.stringify(kept) });
  },

  async remove(id: string, revision: string): Promise<void> {
    await send(path(id), { method: 'DELETE', headers: { 'If-Match': `"${revision}"` } });
  },
};
