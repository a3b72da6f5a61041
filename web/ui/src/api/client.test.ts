import { afterEach, expect, test, vi } from 'vitest';
import { get, onSignedOut, post, send } from './client';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

test('what changes something is waited for longer than the recorder takes', async () => {
  const RECORDER_MS = 10_000;
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({})));
  const timeout = vi.spyOn(AbortSignal, 'timeout');
  await get('/api/v1/cameras');
  await post('/api/v1/inputs/door', {});
  await send('/api/v1/cameras/gate/manual', { method: 'DELETE' });
  await post('/api/v1/outputs/siren/test', {}, 60_000);
  const [asked, ...changed] = timeout.mock.calls.map(([ms]) => ms);
  expect(asked).toBe(10_000);
  for (const ms of changed) expect(ms).toBeGreaterThan(RECORDER_MS + 5_000);
});

test('a wrong password of one’s own does not sign out; an end of the session does', async () => {
  const signedOut = vi.fn();
  onSignedOut(signedOut);
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({ code: 'unauthenticated', detail: 'the password is wrong' }, { status: 401 })));
  for (const path of ['/api/v1/session/password', '/api/v1/session/second-factor', '/api/v1/factory-reset']) await expect(post(path, {})).rejects.toThrow('the password is wrong');
  expect(signedOut).not.toHaveBeenCalled();
  await expect(get('/api/v1/cameras')).rejects.toThrow();
  await expect(post('/api/v1/disks/factory-reset/retire', {})).rejects.toThrow();
  expect(signedOut).toHaveBeenCalledTimes(2);
  onSignedOut(() => {});
});
