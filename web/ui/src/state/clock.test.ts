import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const HOUR = 3_600_000;

beforeEach(() => {
  vi.useFakeTimers({ now: 10 * HOUR });
  vi.stubGlobal('document', { hidden: false, addEventListener: () => {}, removeEventListener: () => {} });
  vi.resetModules();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('it is known once the recorder said it, and whoever waits goes on then', async () => {
  const { clock } = await import('./clock.svelte');
  const went = vi.fn();
  void clock.whenKnown().then(went);
  await vi.advanceTimersByTimeAsync(1_000);
  expect([clock.known, went.mock.calls.length]).toEqual([false, 0]);
  clock.set(5 * HOUR, Date.now() - 100, Date.now() + 100);
  await vi.advanceTimersByTimeAsync(0);
  expect([clock.known, clock.now(), clock.tick, went.mock.calls.length]).toEqual([true, 5 * HOUR, 5 * HOUR, 1]);
  await clock.whenKnown();
});

test('a recorder that does not say it is not waited for for ever', async () => {
  const { clock } = await import('./clock.svelte');
  clock.set(NaN, Date.now(), Date.now());
  expect([clock.known, clock.now()]).toEqual([true, 10 * HOUR]);
});

test('what has just happened is judged by the recorder’s time, however early it is told', async () => {
  const sockets: { onopen?: () => void; onmessage?: (message: { data: string }) => void; readyState: number; close(): void }[] = [];
  vi.stubGlobal('WebSocket', function (this: (typeof sockets)[number]) {
    Object.assign(this, { readyState: 1, close: () => {} });
    sockets.push(this);
  });
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('removeEventListener', () => {});
  vi.stubGlobal('location', { protocol: 'http:', host: 'recorder' });
  const asked: string[] = [];
  const told = { id: 'e1', kind: 'sensor', source: 'input:door', severity: 'alarm', start: new Date(5 * HOUR).toISOString(), end: new Date(5 * HOUR).toISOString(), actions: [], cameras: [] };
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    return Promise.resolve(Response.json({ events: path.includes('limit=1000') ? [told] : [], next: null }));
  });
  const { clock } = await import('./clock.svelte');
  const { alarms } = await import('./alarms.svelte');
  const listener = vi.fn();
  alarms.listen(listener);
  const stop = alarms.start();
  sockets[0]?.onopen?.();
  sockets[0]?.onmessage?.({ data: JSON.stringify(told) });
  await vi.advanceTimersByTimeAsync(1_000);
  expect([asked, listener.mock.calls], 'nothing is decided yet').toEqual([[], []]);
  clock.set(5 * HOUR + 1_000, Date.now(), Date.now());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(asked.map((path) => decodeURIComponent(path)).find((path) => path.includes(`from=${new Date(5 * HOUR + 1_000 - 600_000).toISOString()}`)), asked.join()).toBeDefined();
  expect(listener).toHaveBeenCalledExactlyOnceWith([told], true);
  expect(alarms.connected).toBe(true);
  stop();
});
