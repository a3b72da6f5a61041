import { expect, test } from 'vitest';
import { add, isNews, prolong, rest, SHOWN_MS, wants, type Popup } from './popups';
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

test('what is told as it begins pops up whatever the clocks say; what is caught up with, by its time', () => {
  const begins = event('a', 0, null, { actions: [action('popup_message', null, 'planned')] });
  const told = event('a', 0, null, { actions: [action('popup_message', null)] });
  // The page's idea of the recorder's clock is an hour off, either way; the recorder was set back.
  for (const now of [s(3600), s(-3600)]) expect(isNews(begins, false, s(1800), now)).toBe(true);
  // A late outcome, or the end, of one that is no news.
  expect(isNews(told, false, 0, s(3600))).toBe(false);
  expect(isNews(begins, true, 0, s(3600))).toBe(false);
  expect(isNews(told, true, 0, s(59))).toBe(true);
  expect(isNews(told, true, s(0), s(10)), 'shown before the page was loaded').toBe(false);
  expect(isNews(told, true, s(3600), s(10)), 'shown before the recorder was set back').toBe(true);
});
