import { expect, test } from 'vitest';
import type { Happening } from '../api/alarms';
import { MOST_EVENTS, nearestEvent, type EventsIn } from './events';

const at = (start: number): Happening => ({ id: String(start), kind: 'motion', source: 'camera:a', start: new Date(start).toISOString(), end: null, severity: 'info', text: '', payload: null, actions: [] });
const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 22);

/** As the recorder answers: the newest first, those that touch the span. */
const recorder =
  (all: number[]) =>
  (_: readonly string[], _kind: string | null, from: number, to: number): Promise<EventsIn> => {
    const found = all.filter((start) => start < to && start + 5_000 > from).sort((a, b) => b - a);
    return Promise.resolve({ events: found.slice(0, MOST_EVENTS).map(at), more: found.length > MOST_EVENTS });
  };

test('the event before and the one after, however far', async () => {
  const ask = recorder([NOW - 40 * HOUR, NOW - 10_000, NOW + 20_000, NOW + 30 * HOUR]);
  const now = NOW + 100 * HOUR;
  expect(await nearestEvent(['a'], null, NOW, false, now, ask)).toBe(NOW - 10_000);
  expect(await nearestEvent(['a'], null, NOW - 10_000, false, now, ask)).toBe(NOW - 40 * HOUR);
  expect(await nearestEvent(['a'], null, NOW, true, now, ask)).toBe(NOW + 20_000);
  expect(await nearestEvent(['a'], null, NOW + 20_000, true, now, ask)).toBe(NOW + 30 * HOUR);
  expect(await nearestEvent(['a'], null, NOW + 31 * HOUR, true, now, ask)).toBeNull();
});

test('the next one even where there are thousands', async () => {
  const many = Array.from({ length: 3_000 }, (_, i) => NOW + 10_000 + i * 1_000);
  expect(await nearestEvent(['a'], null, NOW, true, NOW + 5 * HOUR, recorder(many))).toBe(NOW + 10_000);
});
