import { afterEach, expect, test, vi } from 'vitest';
import { get, post, send } from './client';

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
