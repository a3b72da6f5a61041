/** Mails and pushes on their way: how it stands with those who are told. For administrators. */

import { get } from './client';

export interface Delivery {
  id: string;
  /** Why the last attempt failed; null: it did not. */
  error: string | null;
  /** RFC 3339, UTC. */
  next_attempt: string | null;
}

export const deliveries = (what: 'email' | 'push'): Promise<Delivery[]> =>
  get<Delivery[]>(what === 'email' ? '/api/v1/recipients' : '/api/v1/push');
