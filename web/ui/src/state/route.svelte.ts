/** Pages have addresses: `/` and `/cameras/<id>`. */

export type Page = { name: 'grid' } | { name: 'camera'; id: string };

export function pageOf(path: string): Page {
  const camera = /^\/cameras\/([^/]+)\/?$/.exec(path)?.[1];
  return camera === undefined ? { name: 'grid' } : { name: 'camera', id: decode(camera) };
}

export function pathOf(page: Page): string {
  return page.name === 'grid' ? '/' : `/cameras/${encodeURIComponent(page.id)}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Route {
  page: Page = $state.raw(pageOf(location.pathname));
  /** The page before this one. */
  before: Page | null = null;

  constructor() {
    addEventListener('popstate', () => this.show(pageOf(location.pathname)));
  }

  go(page: Page): void {
    const path = pathOf(page);
    if (path !== location.pathname) history.pushState(null, '', path);
    this.show(page);
    scrollTo(0, 0);
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
    this.go(pageOf(link.pathname));
  };
}

export const route = new Route();
