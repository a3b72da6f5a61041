import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Problem } from '../api/problem';
import { Asked } from './asked.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Questions that are answered when the test says so. */
function questions<T>() {
  const open: { answer: (value: T) => void; fail: (problem: unknown) => void }[] = [];
  return { open, ask: () => new Promise<T>((answer, fail) => open.push({ answer, fail })) };
}
const settled = () => vi.advanceTimersByTimeAsync(0);
const away = new Problem(503, 'unavailable', 'the log is away');

test('only the newest question counts', async () => {
  const { open, ask } = questions<string>();
  const asked = new Asked(ask);
  void asked.load();
  void asked.load();
  open[1]?.answer('new');
  await settled();
  open[0]?.answer('old');
  await settled();
  expect([asked.value, asked.busy]).toEqual(['new', false]);
  void asked.load();
  void asked.load();
  open[3]?.answer('newest');
  open[2]?.fail(away);
  await settled();
  expect([asked.value, asked.problem]).toEqual(['newest', null]);
});

test('a failure is shown until there is an answer, which is asked for by itself', async () => {
  const { open, ask } = questions<string>();
  const asked = new Asked(ask);
  const end = asked.watch();
  for (let count = 1; count < 8; count++) {
    open.at(-1)?.fail(away);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([asked.problem, open.length]).toEqual([away, count]);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(open.length).toBe(count + 1);
  }
  expect(asked.problem, 'while it is asked again').toBe(away);
  open.at(-1)?.answer('there');
  await vi.advanceTimersByTimeAsync(60_000);
  expect([asked.value, asked.problem, open.length]).toEqual(['there', null, 8]);
  end();
});

test('what the recorder refuses is not asked again by itself, but by hand', async () => {
  const { open, ask } = questions<string>();
  const asked = new Asked(ask);
  asked.watch();
  open[0]?.fail(new Problem(403, 'forbidden', 'not yours'));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(open.length).toBe(1);
  void asked.again();
  expect(open.length).toBe(2);
});

test('more that was asked for and failed is asked for again, not the beginning', async () => {
  const asked = new Asked(() => Promise.resolve(['a']));
  asked.watch();
  await settled();
  let failures = 1;
  const more = (): Promise<string[]> => (failures-- > 0 ? Promise.reject(away) : Promise.resolve([...(asked.value ?? []), 'b']));
  void asked.load(more);
  await settled();
  expect([asked.value, asked.problem]).toEqual([['a'], away]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([asked.value, asked.problem]).toEqual([['a', 'b'], null]);
});

test('who is gone is told nothing, and asks nothing', async () => {
  const { open, ask } = questions<string>();
  const [waiting, failing, calm] = [new Asked(ask), new Asked(() => Promise.reject(away)), vi.fn(ask)];
  waiting.watch()();
  open[0]?.answer('late');
  const end = failing.watch();
  new Asked(calm).watch(300)();
  await settled();
  end();
  await vi.advanceTimersByTimeAsync(60_000);
  expect([waiting.value, waiting.busy, open.length]).toEqual([null, false, 1]);
  expect(calm).not.toHaveBeenCalled();
});

test('an answer from before a change does not undo it', async () => {
  const { open, ask } = questions<string>();
  const asked = new Asked(ask);
  void asked.load();
  asked.put('changed');
  open[0]?.answer('before');
  await settled();
  expect(asked.value).toBe('changed');
  open[1]?.answer('changed, and more');
  await settled();
  expect(asked.value).toBe('changed, and more');
});
