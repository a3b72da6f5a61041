import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const LEFT = 'vigie.signed_out';
const stored = new Map<string, string>();
/** Requests in their order, each with its answer still to come. */
let asked: { what: string; answer: (response: Response) => void; fail: () => void }[];
let session: typeof import('./session.svelte').session;

const ANN = { name: 'ann', group: 'owners', rights: { house: [], every_camera: [], cameras: {} } };
const asks = (): string[] => asked.map(({ what }) => what);
const last = (): (typeof asked)[number] => {
  const one = asked.at(-1);
  if (one === undefined) throw new Error('nothing was asked');
  return one;
};
/** What was begun goes as far as it can. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
const signIn = (): Promise<string> => session.signIn({ name: 'ann', password: 'right' }).then(() => 'in', () => 'refused');

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules();
  stored.clear();
  asked = [];
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => stored.get(key) ?? null,
    setItem: (key: string, value: string) => stored.set(key, value),
    removeItem: (key: string) => stored.delete(key),
  });
  vi.stubGlobal('fetch', (_: string, { method = 'GET' }: RequestInit = {}) => new Promise<Response>((answer, refuse) => asked.push({ what: method, answer, fail: () => refuse(new TypeError('no connection')) })));
  ({ session } = await import('./session.svelte'));
  session.enter(ANN);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A sign-out that the recorder does not hear. */
async function leaveUnheard(): Promise<void> {
  void session.signOut();
  await settle();
  last().fail();
  await settle();
}

test('a sign-out that was not heard is told until it is', async () => {
  await leaveUnheard();
  expect([session.status, session.lingers]).toEqual(['signed_out', true]);
  last().fail();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(asks()).toEqual(['DELETE', 'DELETE', 'DELETE']);
  last().answer(new Response(null, { status: 204 }));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(3);
  expect([session.lingers, stored.has(LEFT)]).toEqual([false, false]);
});

test('a sign-out of before never ends the session of who signs in', async () => {
  await leaveUnheard();
  const signingIn = signIn();
  await settle();
  // The one under way is waited for, not doubled.
  expect(asks()).toEqual(['DELETE', 'DELETE']);
  last().fail();
  await settle();
  expect(asks()).toEqual(['DELETE', 'DELETE', 'POST']);
  // While it is asked for, and after it is there.
  await vi.advanceTimersByTimeAsync(10_000);
  last().answer(Response.json(ANN));
  expect(await signingIn).toBe('in');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asks()).toEqual(['DELETE', 'DELETE', 'POST']);
  expect([session.status, session.lingers, stored.has(LEFT)]).toEqual(['signed_in', false, false]);
});

test('a sign-in that fails leaves the sign-out to be told', async () => {
  await leaveUnheard();
  const signingIn = signIn();
  last().fail();
  await settle();
  last().answer(Response.json({ code: 'unauthorized' }, { status: 401 }));
  expect(await signingIn).toBe('refused');
  await vi.advanceTimersByTimeAsync(2_000);
  expect(last().what).toBe('DELETE');
  last().answer(new Response(null, { status: 204 }));
  await settle();
  expect([session.status, stored.has(LEFT)]).toEqual(['signed_out', false]);
});

test('a sign-in in another window ends the telling', async () => {
  await leaveUnheard();
  last().fail();
  stored.delete(LEFT);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asks()).toEqual(['DELETE', 'DELETE']);
  expect(session.lingers).toBe(false);
});

test('who signed out is not signed in again by a new page', async () => {
  stored.set(LEFT, '1');
  void session.resume();
  await settle();
  expect([session.status, ...asks()]).toEqual(['signed_out', 'DELETE']);
});

test('that it ended by itself is told however many requests hear it', async () => {
  void session.look().catch(() => {});
  void session.look().catch(() => {});
  asked.forEach(({ answer }) => answer(Response.json({ code: 'unauthorized' }, { status: 401 })));
  await settle();
  expect([session.status, session.expired]).toEqual(['signed_out', true]);
});
