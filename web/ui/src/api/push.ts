/** Browsers that the recorder tells of events, by way of their push services. */

import { get, post, send } from './client';

export interface Subscription {
  id: string;
  user: string;
}

const SUBSCRIPTIONS = '/api/v1/push/subscriptions';

export const push = {
  /** The `applicationServerKey` of a subscription, base64url. */
  key: async (): Promise<string> => (await get<{ public_key: string }>('/api/v1/push/vapid')).public_key,

  /** Those of whoever asks, and all of them for administrators. */
  subscriptions: () => get<Subscription[]>(SUBSCRIPTIONS),

  subscribe: (subscription: PushSubscriptionJSON) => post<Subscription>(SUBSCRIPTIONS, subscription),

  end: async (id: string): Promise<void> => void (await send(`${SUBSCRIPTIONS}/${encodeURIComponent(id)}`, { method: 'DELETE' })),

  /** For administrators: somebody is to be told by way of browsers. */
  isConfigured: async (): Promise<boolean> =>
    (await get<{ kind: string; enabled: boolean }[]>('/api/v1/push')).some(({ kind, enabled }) => kind === 'web_push' && enabled),
};
