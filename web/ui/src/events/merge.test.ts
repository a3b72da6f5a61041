import { expect, test } from 'vitest';
import { GoingOn, later, merge } from './merge';
import { action, event } from './sample';

const ids = (events: readonly { id: string }[]): string => events.map(({ id }) => id).join(' ');

test('each event once, newest first; of one instant the later id', () => {
  const known = [event('c', 30, 31), event('a', 10, 11)];
  const all = merge(known, [event('b', 20, 21), event('a', 10, 12), event('d', 30, 31)]);
  expect(ids(all)).toBe('d c b a');
  expect(merge(known, [])).toBe(known);
});

test('the order is the recorder’s, to the microsecond', () => {
  const at = (id: string, start: string) => event(id, 0, 1, { start });
  const told = [at('a', '2026-11-20T10:00:00.4509Z'), at('b', '2026-11-20T10:00:00.450057Z'), at('c', '2026-11-20T10:00:00.45Z')];
  expect(ids(merge([], [told[2]!, told[0]!, told[1]!]))).toBe('a b c');
});

test('an end and an outcome are not taken back by an older telling', () => {
  const begun = event('a', 10, null, { actions: [action('record', 'gate', 'planned')] });
  const done = event('a', 10, null, { actions: [action('record', 'gate', 'done')] });
  const over = event('a', 10, 15, { actions: [action('record', 'gate', 'planned')] });
  expect(later(begun, done)).toBe(done);
  expect(later(done, begun)).toBe(done);
  expect(later(over, done)).toBe(over);
  expect(later(done, over)).toBe(over);
});

test('what goes on is what began and did not end, in any order of tellings', () => {
  const going = new GoingOn();
  expect(going.tell(event('a', 10, null))).toBe(true);
  expect(going.tell(event('b', 20, null))).toBe(true);
  expect(going.tell(event('a', 10, 30))).toBe(true);
  expect(going.tell(event('a', 10, null)), 'a late telling').toBe(false);
  expect(ids(going.list())).toBe('b');
  expect(going.tell(event('m', 40, 40)), 'a moment').toBe(false);
});

test('asked for as a whole: what is not named is over, but for what was told meanwhile', async () => {
  const going = new GoingOn();
  going.tell(event('old', 10, null));
  const deaf = await going.ask(() => {
    going.tell(event('meanwhile', 20, null));
    going.tell(event('ended', 15, 21));
    return Promise.resolve([event('unheard', 5, null), event('ended', 15, null)]);
  });
  expect(deaf).toBe(true);
  expect(ids(going.list())).toBe('meanwhile unheard');
  expect(await going.ask(() => Promise.resolve(going.list())), 'nothing new').toBe(false);
  await expect(going.ask(() => Promise.reject(new Error('503')))).rejects.toThrow('503');
  expect(ids(going.list())).toBe('meanwhile unheard');
});
