import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EVERYTHING } from '../events/filter';
import { noticeOf } from '../push/notice';

let pageOf: typeof import('./route.svelte').pageOf;
let pathOf: typeof import('./route.svelte').pathOf;
beforeAll(async () => {
  vi.stubGlobal('location', { pathname: '/', search: '' });
  vi.stubGlobal('addEventListener', () => {});
  ({ pageOf, pathOf } = await import('./route.svelte'));
});
afterAll(() => vi.unstubAllGlobals());

const at = Date.parse('2026-11-20T13:03:06.250Z');
const page = (path: string): ReturnType<typeof pageOf> => {
  const { pathname, search } = new URL(path, 'http://recorder');
  return pageOf(pathname, search);
};

test('every page by its address', () => {
  const pages = [
    { name: 'grid' },
    { name: 'grid', alarms: true },
    { name: 'camera', id: 'gate' },
    { name: 'camera', id: 'gate', at },
    { name: 'events', filter: { ...EVERYTHING, kind: 'motion', from: at } },
    { name: 'event', id: '01KA', at },
    { name: 'playback', cameras: [] },
    { name: 'playback', cameras: ['gate', 'yard'], at },
    { name: 'settings', section: null, entry: null },
    { name: 'settings', section: 'cameras', entry: 'gate' },
    { name: 'system', section: null },
    { name: 'system', section: 'log' },
    { name: 'setup', link: 'abc' },
    { name: 'welcome' },
    { name: 'reference' },
  ] as const;
  for (const one of pages) expect(page(pathOf(one))).toEqual(one);
});

test('an event without its time is looked for among all', () => {
  expect(page('/events/01KA')).toEqual({ name: 'events', filter: EVERYTHING });
  expect(page('/events/01KA?at=never')).toEqual({ name: 'events', filter: EVERYTHING });
});

test('a pressed message leads to a page that there is', () => {
  const pressed = (source: string): ReturnType<typeof pageOf> => {
    const event = { id: '01KA', source, at: new Date(at).toISOString() };
    return page(noticeOf(JSON.stringify({ event }), 0).options.data.path);
  };
  expect(pressed('stream:gate/main')).toEqual({ name: 'camera', id: 'gate', at });
  expect(pressed('input:door')).toEqual({ name: 'event', id: '01KA', at });
});
