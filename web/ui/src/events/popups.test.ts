import { expect, test } from 'vitest';
import { add, prolong, rest, SHOWN_MS, wants, type Popup } from './popups';
import { action, event, s } from './sample';

test('of one kind and source there is one message, with a count, the newest first', () => {
  let popups: readonly Popup[] = [];
  popups = add(popups, [event('a', 0, null), event('b', 1, null, { source: 'camera:hall' })], s(1));
  popups = add(popups, [event('c', 2, null)], s(2));
  expect(popups.map(({ event: { id }, count }) => `${id} ${count}`)).toEqual(['c 2', 'b 1']);
});

test('a storm of many sources is bounded', () => {
  const storm = Array.from({ length: 1000 }, (_, i) => event(`e${i}`, i, i, { source: `camera:c${i}` }));
  const popups = add([], storm, s(1000));
  expect(popups.length).toBe(50);
  expect(popups[0]?.event.id).toBe('e999');
});

test('they go in time, and later if somebody reads them', () => {
  const popups = add([], [event('a', 0, null)], s(0));
  expect(rest(popups, s(0) + SHOWN_MS - 1)).toBe(popups);
  expect(rest(popups, s(0) + SHOWN_MS)).toEqual([]);
  expect(rest(prolong(popups, s(10)), s(0) + SHOWN_MS)).toHaveLength(1);
});

test('an event is shown if one of its actions wants it', () => {
  expect(wants(event('a', 0, null, { actions: [action('popup_message', null)] }), 'popup_message')).toBe(true);
  expect(wants(event('a', 0, null), 'popup_message')).toBe(false);
});
