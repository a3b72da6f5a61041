import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { noticeOf, pathIn } from './notice';

const told = {
  id: '01KA0000000000000000000000',
  at: '2026-11-20T13:03:07.5Z',
  title: 'Lobby: 2 events',
  body: 'Back door — sensor, 14:03:07',
  alarm: true,
  event: { id: '01KA0000000000000000000001', source: 'input:door', at: '2026-11-20T13:03:06.250Z' },
};

test('a push says what the recorder says, once, for as long as it takes', () => {
  const { title, options } = noticeOf(JSON.stringify(told), 0);
  expect(title).toBe('Lobby: 2 events');
  expect(options).toEqual({
    body: told.body,
    tag: told.id,
    timestamp: Date.parse(told.at),
    requireInteraction: true,
    data: { path: '/events/01KA0000000000000000000001?at=2026-11-20T13%3A03%3A06.250Z' },
  });
});

test('a press on an event of a camera leads to its footage', () => {
  const pathFor = (source: string): string => noticeOf(JSON.stringify({ ...told, event: { ...told.event, source } }), 0).options.data.path;
  const at = '?at=2026-11-20T13%3A03%3A06.250Z';
  expect(pathFor('camera:gate')).toBe(`/cameras/gate${at}`);
  expect(pathFor('stream:gate/sub')).toBe(`/cameras/gate${at}`);
  expect(pathFor('camera:../../evil?x=')).toBe(`/cameras/..${at}`);
  expect(pathFor('house')).toMatch(/^\/events\/01KA/);
});

test('what cannot be read is shown all the same, and leads to the events', () => {
  for (const text of ['', 'not JSON', 'null', '[1]', '{"title":7,"event":{"id":5,"at":"no"},"at":"never"}']) {
    const { title, options } = noticeOf(text, 42);
    expect([title, options.body, options.timestamp, options.requireInteraction], text).toEqual(['Vigie', '', 42, false]);
    expect(options.data.path, text).toBe('/events');
  }
});

test('a notification never leads elsewhere', () => {
  expect(pathIn({ path: '/cameras/gate?at=x' })).toBe('/cameras/gate?at=x');
  for (const data of [null, 'x', {}, { path: 7 }, { path: 'https://example.org/' }, { path: '//example.org/' }, { path: '/\\example.org' }]) {
    expect(pathIn(data), JSON.stringify(data)).toBe('/events');
  }
});

/** A worker's world: what it listens to, shows and opens. */
function world() {
  const listeners = new Map<string, (event: unknown) => void>();
  const pages: { url: string; focus(): Promise<unknown>; postMessage(message: unknown): void }[] = [];
  const made = {
    addEventListener: (type: string, run: (event: unknown) => void) => listeners.set(type, run),
    skipWaiting: () => Promise.resolve(),
    registration: {
      showNotification: vi.fn(() => Promise.resolve()),
      pushManager: { subscribe: vi.fn(() => Promise.resolve({ endpoint: 'https://push.example/made' })) },
    },
    clients: { matchAll: () => Promise.resolve(pages), openWindow: vi.fn(() => Promise.resolve(null)) },
  };
  const raise = async (type: string, event: object): Promise<void> => {
    const done: Promise<unknown>[] = [];
    listeners.get(type)?.({ ...event, waitUntil: (promise: Promise<unknown>) => done.push(promise) });
    expect(done.length, `${type} is waited for`).toBe(1);
    await Promise.all(done);
  };
  return { ...made, pages, raise };
}

let here: ReturnType<typeof world>;
beforeEach(async () => {
  here = world();
  vi.stubGlobal('self', here);
  vi.resetModules();
  await import('./sw');
});
afterEach(() => vi.unstubAllGlobals());

test('the worker shows every push, one without data too', async () => {
  await here.raise('push', { data: { text: () => JSON.stringify(told) } });
  await here.raise('push', { data: null });
  expect(here.registration.showNotification.mock.calls.map(([title]: unknown[]) => title)).toEqual(['Lobby: 2 events', 'Vigie']);
});

test('a press closes it and opens a page, or takes one that is open there', async () => {
  const close = vi.fn();
  const pressed = { notification: { data: { path: '/cameras/gate' }, close } };
  await here.raise('notificationclick', pressed);
  expect(here.clients.openWindow).toHaveBeenCalledWith('/cameras/gate');
  const postMessage = vi.fn();
  const page = { url: 'https://recorder/cameras/hall', focus: () => Promise.resolve(page), postMessage };
  const picture = { ...page, url: 'https://recorder/api/v1/cameras/gate/snapshot.jpg', postMessage: vi.fn() };
  here.pages.push(picture);
  await here.raise('notificationclick', pressed);
  expect(picture.postMessage, 'a picture in a window of its own cannot go anywhere').not.toHaveBeenCalled();
  expect(here.clients.openWindow).toHaveBeenCalledTimes(2);
  here.pages.push(page);
  await here.raise('notificationclick', pressed);
  expect(postMessage).toHaveBeenCalledWith({ open: '/cameras/gate' });
  expect(here.clients.openWindow).toHaveBeenCalledTimes(2);
  expect(close).toHaveBeenCalledTimes(3);
  here.pages[1] = { ...page, focus: () => Promise.reject(new Error('not allowed')) };
  await here.raise('notificationclick', pressed);
  expect(here.clients.openWindow).toHaveBeenCalledTimes(3);
});

test('a subscription that the push service renews is told to the recorder', async () => {
  const posted: unknown[] = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit = {}) => {
    if (init.method === 'POST') posted.push([path, JSON.parse(String(init.body))]);
    return Promise.resolve(Response.json({ public_key: 'BKEY' }));
  });
  await here.raise('pushsubscriptionchange', { newSubscription: { endpoint: 'https://push.example/new' } });
  await here.raise('pushsubscriptionchange', {});
  expect(here.registration.pushManager.subscribe).toHaveBeenCalledWith({ userVisibleOnly: true, applicationServerKey: 'BKEY' });
  expect(posted).toEqual([
    ['/api/v1/push/subscriptions', { endpoint: 'https://push.example/new' }],
    ['/api/v1/push/subscriptions', { endpoint: 'https://push.example/made' }],
  ]);
});
