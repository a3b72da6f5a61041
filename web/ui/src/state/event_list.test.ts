import { afterEach, expect, test, vi } from 'vitest';
import type { EventsPage, Happening } from '../api/alarms';
import { EVERYTHING } from '../events/filter';
import { event } from '../events/sample';
import { EventList } from './event_list.svelte';

/** Answers each request with the next of these. */
function recorder(...pages: EventsPage[]): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (path: string) => {
    asked.push(path);
    const page = pages.shift();
    return Promise.resolve(page ? Response.json(page) : Response.json({ code: 'unavailable', detail: 'the log is away' }, { status: 503 }));
  });
  return asked;
}

const id = (n: number): string => `e${String(n).padStart(4, '0')}`;
/** The nth event is the nth second's. */
const events = (from: number, to: number): Happening[] =>
  Array.from({ length: from - to + 1 }, (_, i) => event(id(from - i), from - i, from - i));
const shown = (list: EventList): string => (list.events ?? []).map((one) => Number(one.id.slice(1))).join(' ');

afterEach(() => vi.unstubAllGlobals());

test('pages back, and what is told meanwhile comes on top, each once', async () => {
  const asked = recorder({ events: events(9, 7), next: id(7) }, { events: events(6, 5), next: null });
  const list = new EventList(EVERYTHING);
  await list.load();
  list.tell([event(id(10), 10, null), event(id(9), 9, 9), event(id(3), 3, 3)]);
  expect(shown(list), 'an older one waits for its page').toBe('10 9 8 7');
  await list.more();
  expect(asked[1]).toContain(`before=${id(7)}`);
  expect(shown(list)).toBe('10 9 8 7 6 5');
  expect(list.next).toBeNull();
});

test('only what the filter admits is taken up', async () => {
  recorder({ events: [], next: null });
  const list = new EventList({ ...EVERYTHING, alarms: true });
  await list.load();
  list.tell([event('m', 1, null), event('s', 2, null, { kind: 'sensor', severity: 'alarm' })]);
  expect((list.events ?? []).map(({ id }) => id)).toEqual(['s']);
});

test('what is told while the page loads is not lost, whatever the answer holds', async () => {
  recorder({ events: events(3, 1), next: null }, { events: events(99, 97), next: id(97) });
  const list = new EventList(EVERYTHING);
  const first = list.load();
  list.tell([event(id(4), 4, null), event(id(3), 3, null)]);
  await first;
  expect(shown(list)).toBe('4 3 2 1');
  const second = list.load();
  list.tell([event(id(100), 100, null)]);
  await second;
  expect(shown(list), 'the list began anew').toBe('100 99 98 97');
});

test('a storm does not make the page endless: what falls off is on the next page', async () => {
  recorder({ events: events(3, 1), next: null });
  const list = new EventList(EVERYTHING);
  await list.load();
  list.tell(events(1003, 4));
  expect(list.events?.length).toBe(200);
  expect(list.next).toBe(id(804));
});

test('after a lost line the list goes on where it was, or begins anew where too much was missed', async () => {
  recorder({ events: events(5, 3), next: id(3) }, { events: events(7, 5), next: id(5) }, { events: events(99, 97), next: id(97) });
  const list = new EventList(EVERYTHING);
  await list.load();
  await list.load();
  expect(shown(list)).toBe('7 6 5 4 3');
  expect(list.next).toBe(id(3));
  await list.load();
  expect(shown(list)).toBe('99 98 97');
  expect(list.next).toBe(id(97));
  await list.load();
  expect(list.problem?.detail, 'what is known stays').toBe('the log is away');
  expect(shown(list)).toBe('99 98 97');
});
