/** Pages have addresses: `/` (`/?kiosk`: nothing but the wall, `/?alarms`: inputs and outputs opened), `/playback`, `/cameras/<id>`, `/events`, `/events/<id>`, `/settings/…`, `/system/…`, `/setup`, `/welcome`, `/reference`. */

import { at as below, within } from '../api/base';
import { EVERYTHING, filterOf, query, type EventFilter } from '../events/filter';
import { leaving } from './leaving.svelte';

export type Page =
  /** `kiosk`: nothing but pictures; `show`: a preset to begin with; `alarms`: with inputs and outputs opened. */
  | { name: 'grid'; kiosk?: true; show?: string; alarms?: true }
  /** `at`: footage from then on, ms since 1970. */
  | { name: 'camera'; id: string; at?: number }
  | { name: 'events'; filter: EventFilter }
  /** What one event shows; `at`: when it began, ms since 1970. */
  | { name: 'event'; id: string; at: number }
  /** Cameras in step from `at`, ms since 1970; none named: those of last time. */
  | { name: 'playback'; cameras: readonly string[]; at?: number }
  /** `entry`: one of a section's list. */
  | { name: 'settings'; section: string | null; entry: string | null }
  | { name: 'system'; section: string | null }
  /** The first owner chooses a password. */
  | { name: 'setup'; link: string }
  | { name: 'welcome' }
  /** The API, described. */
  | { name: 'reference' };

export const ALL_EVENTS: Page = { name: 'events', filter: EVERYTHING };

export function pageOf(address: string, search: string): Page {
  const path = within(address);
  if (/^\/events\/?$/.test(path)) return { name: 'events', filter: filterOf(search) };
  const asked = new URLSearchParams(search);
  const at = Date.parse(asked.get('at') ?? '');
  const when = Number.isNaN(at) ? {} : { at };
  if (/^\/playback\/?$/.test(path)) {
    const cameras = (asked.get('cameras') ?? '').split(',').filter(Boolean);
    return { name: 'playback', cameras, ...when };
  }
  if (/^\/setup\/?$/.test(path)) return { name: 'setup', link: asked.get('link') ?? '' };
  if (/^\/reference\/?$/.test(path)) return { name: 'reference' };
  if (/^\/welcome\/?$/.test(path)) return { name: 'welcome' };
  const [, part, section, entry] = /^\/(settings|system)(?:\/([^/]+))?(?:\/([^/]+))?\/?$/.exec(path) ?? [];
  if (part === 'system') return { name: 'system', section: section === undefined ? null : decode(section) };
  if (part === 'settings') {
    return {
      name: 'settings',
      section: section === undefined ? null : decode(section),
      entry: entry === undefined ? null : decode(entry),
    };
  }
  const event = /^\/events\/([^/]+)\/?$/.exec(path)?.[1];
  if (event !== undefined) return Number.isNaN(at) ? ALL_EVENTS : { name: 'event', id: decode(event), at };
  const camera = /^\/cameras\/([^/]+)\/?$/.exec(path)?.[1];
  if (camera === undefined) {
    const show = asked.get('show');
    return { name: 'grid', ...(asked.has('kiosk') ? { kiosk: true } : {}), ...(show ? { show } : {}), ...(asked.has('alarms') ? { alarms: true } : {}) };
  }
  return { name: 'camera', id: decode(camera), ...when };
}

/** For the browser: below the base path. */
export const pathOf = (page: Page): string => below(own(page));

function own(page: Page): string {
  const asked = (entries: Record<string, string>): string => {
    const text = new URLSearchParams(entries).toString();
    return text === '' ? '' : `?${text}`;
  };
  switch (page.name) {
    case 'grid':
      return `/${asked({ ...(page.kiosk ? { kiosk: '' } : {}), ...(page.show ? { show: page.show } : {}), ...(page.alarms ? { alarms: '' } : {}) })}`.replace(/(kiosk|alarms)=(?=&|$)/g, '$1');
    case 'events':
      return `/events${asked(query(page.filter))}`;
    case 'event':
      return `/events/${encodeURIComponent(page.id)}${asked({ at: new Date(page.at).toISOString() })}`;
    case 'playback': {
      const cameras = page.cameras.length > 0 ? { cameras: page.cameras.join(',') } : {};
      return `/playback${asked({ ...cameras, ...(page.at === undefined ? {} : { at: new Date(page.at).toISOString() }) })}`;
    }
    case 'settings':
      return ['/settings', page.section, page.entry].filter((part) => part !== null).map((part, i) => (i === 0 ? part : encodeURIComponent(part))).join('/');
    case 'system':
      return page.section === null ? '/system' : `/system/${encodeURIComponent(page.section)}`;
    case 'setup':
      return `/setup${asked({ link: page.link })}`;
    case 'welcome':
      return '/welcome';
    case 'reference':
      return '/reference';
    case 'camera':
      return `/cameras/${encodeURIComponent(page.id)}${asked(page.at === undefined ? {} : { at: new Date(page.at).toISOString() })}`;
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Route {
  page: Page = $state.raw(pageOf(location.pathname, location.search));
  /** The page before this one. */
  before: Page | null = null;

  constructor() {
    addEventListener('popstate', () => {
      const page = pageOf(location.pathname, location.search);
      if (!leaving.unsaved) return this.show(page);
      // The way back was taken already: here again until somebody says so.
      history.pushState(null, '', pathOf(this.page));
      this.go(page);
    });
  }

  go(page: Page): void {
    leaving.ask(() => {
      const path = pathOf(page);
      if (path !== location.pathname + location.search) history.pushState(null, '', path);
      this.show(page);
      scrollTo(0, 0);
    });
  }

  /** The same page, looked at otherwise: no step for the way back. */
  adjust(page: Page): void {
    history.replaceState(null, '', pathOf(page));
    this.page = page;
  }

  private show(page: Page): void {
    this.before = this.page;
    this.page = page;
  }

  /** For plain clicks on links to our own pages; others are the browser's. */
  follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target) return;
    event.preventDefault();
    this.go(pageOf(link.pathname, link.search));
  };
}

export const route = new Route();
