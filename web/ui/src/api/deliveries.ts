/** Mails and pushes on their way: how it stands with those who are told. For administrators. */

import { get, post } from './client';

export interface Delivery {
  id: string;
  /** Why the last attempt failed; null: it did not. */
  error: string | null;
  /** RFC 3339, UTC. */
  next_attempt: string | null;
  last_success?: string | null;
  queued?: number;
}

export interface Tested {
  ok: boolean;
  /** What the other side said. */
  answer: string | null;
  /** Exactly what failed. */
  error: string | null;
}

const listOf = (what: 'email' | 'push'): string => (what === 'email' ? '/api/v1/recipients' : '/api/v1/push');
/** The recorder waits for the other side. */
const TEST_MS = 60_000;

export const deliveries = (what: 'email' | 'push'): Promise<Delivery[]> => get<Delivery[]>(listOf(what));

export const testDelivery = (what: 'email' | 'push', id: string): Promise<Tested> =>
  post<Tested>(`${listOf(what)}/${encodeURIComponent(id)}/test`, {}, TEST_MS);
