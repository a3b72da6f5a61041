import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';

const KEY = 'vigie.push.';
const stored = new Map<string, string>();
/** What the recorder knows; what was asked of it. */
let subscriptions: { id: string; user: string }[];
let asked: string[];
let own: { endpoint: string; options: object; toJSON(): object } | null;
let push: typeof import('./browser_push.svelte').browserPush;

const made = (endpoint: string): NonNullable<typeof own> => ({
  endpoint,
  // As the recorder's `AAAA`.
  options: { applicationServerKey: new Uint8Array(3).buffer },
  toJSON: () => ({ endpoint }),
});

beforeAll(async () => {
  const pushManager = {
    getSubscription: () => Promise.resolve(own),
    subscribe: () => Promise.resolve((own ??= made('https://push.example/2'))),
  };
  vi.stubGlobal('location', { pathname: '/', search: '' });
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('window', { isSecureContext: true, PushManager: {}, Notification: {} });
  const serviceWorker = { getRegistration: () => Promise.resolve({ pushManager }) };
  vi.stubGlobal('navigator', { languages: ['en'], serviceWorker });
  vi.stubGlobal('Notification', { permission: 'granted' });
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  vi.stubGlobal('fetch', (path: string, { method = 'GET' }: RequestInit = {}) => {
    asked.push(`${method} ${path.replace('/api/v1/push/', '')}`);
    if (method === 'POST') return Promise.resolve(Response.json({ id: 'new', user: 'ann' }, { status: 201 }));
    if (method === 'DELETE') return Promise.resolve(Response.json({ code: 'not_found' }, { status: 404 }));
    return Promise.resolve(Response.json(path.endsWith('vapid') ? { public_key: 'AAAA' } : subscriptions));
  });
  const { session } = await import('./session.svelte');
  session.user = { name: 'ann', group: 'operator', rights: { house: [], every_camera: ['live'], cameras: {} } };
  ({ browserPush: push } = await import('./browser_push.svelte'));
}, 60_000);
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  stored.clear();
  [subscriptions, asked, own] = [[{ id: 'old', user: 'ann' }], [], made('https://push.example/1')];
});

const remember = (endpoint: string): void => void stored.set(`${KEY}ann`, JSON.stringify({ id: 'old', endpoint }));

test('one that both sides know is on, and one that the recorder forgot is off', async () => {
  remember('https://push.example/1');
  await push.look();
  expect([push.on, asked]).toEqual([true, ['GET subscriptions']]);
  subscriptions = [];
  await push.look();
  expect([push.on, stored.size]).toEqual([false, 0]);
});

test('one that the push service renewed, or the browser dropped, is told anew and takes the place of the old one', async () => {
  for (const now of [made('https://push.example/2'), null]) {
    [own, asked] = [now, []];
    remember('https://push.example/1');
    await push.look();
    expect(push.on).toBe(true);
    expect(asked).toEqual(['GET vapid', 'POST subscriptions', 'DELETE subscriptions/old']);
    expect(JSON.parse(stored.get(`${KEY}ann`) ?? '')).toEqual({ id: 'new', endpoint: 'https://push.example/2' });
  }
});

test('who never asked for it is not subscribed', async () => {
  await push.look();
  expect([push.on, asked]).toEqual([false, []]);
});
