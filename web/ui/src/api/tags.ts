/** Words that people put to moments of footage. */

import { get, post, rfc3339, send } from './client';

export interface Tag {
  id: string;
  /** null: all cameras */
  camera: string | null;
  /** RFC 3339, UTC */
  at: string;
  text: string;
  by: string;
  created: string;
}

export const MOST_LETTERS = 120;

const place = (id: string): string => `/api/v1/tags/${encodeURIComponent(id)}`;

export const tags = {
  list: () => get<Tag[]>('/api/v1/tags'),

  /** `at`: ms since 1970. */
  add: (camera: string | null, at: number, text: string) =>
    post<Tag>('/api/v1/tags', { ...(camera === null ? {} : { camera }), at: rfc3339(at), text }),

  async rename(id: string, text: string): Promise<void> {
    await send(place(id), { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ text }) });
  },

  async remove(id: string): Promise<void> {
    await send(place(id), { method: 'DELETE' });
  },
};
