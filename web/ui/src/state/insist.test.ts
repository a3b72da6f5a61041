import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { insist } from './insist';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** Asks; the first answers fail. */
function asking(failures: number): { heard: string[]; stop: () => void } {
  const heard: string[] = [];
  let asked = 0;
  const ask = (): Promise<string> => (++asked > failures ? Promise.resolve('answer') : Promise.reject(new Error('503')));
  return { heard, stop: insist(ask, (answer) => heard.push(answer), () => heard.push('failed')) };
}

test('it is asked again until there is an answer, and not after it', async () => {
  const { heard } = asking(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(heard).toEqual(['failed', 'failed', 'answer']);
});

test('who is gone is told nothing', async () => {
  const [waiting, failing] = [asking(1), asking(1)];
  waiting.stop();
  await vi.advanceTimersByTimeAsync(1);
  failing.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([waiting.heard, failing.heard]).toEqual([[], ['failed']]);
});
