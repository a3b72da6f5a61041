/** What stands in the wall's windows, and what moving, adding and taking away makes of it. Pure: each change is a new list. */

/** Which stream of its camera a window shows; `auto`: by the window's size. */
export type Wish = 'auto' | 'main' | 'sub';

export interface Pane {
  /** One camera, or a group that takes turns. At least one. */
  cameras: readonly string[];
  /** How long each of a group is shown. */
  dwellS: number;
  wish: Wish;
}

/** By window; windows beyond those of the layout are on the next pages. `null`: empty. */
export type Panes = readonly (Pane | null)[];

export const DWELLS_S = [5, 10, 15, 20, 30, 60, 120, 300] as const;
export const MOST_WINDOWS = 256;
export const MOST_IN_GROUP = 64;

export const single = (camera: string): Pane => ({ cameras: [camera], dwellS: 10, wish: 'auto' });

/** Without empty windows at the end. */
function trimmed(panes: readonly (Pane | null)[]): Panes {
  let end = panes.length;
  while (end > 0 && panes[end - 1] === null) end -= 1;
  return panes.slice(0, Math.min(end, MOST_WINDOWS));
}

function changed(panes: Panes, changes: readonly [number, Pane | null][]): Panes {
  const length = Math.max(panes.length, ...changes.map(([index]) => index + 1));
  const next = Array.from({ length }, (_, index) => panes[index] ?? null);
  for (const [index, pane] of changes) next[index] = pane;
  return trimmed(next);
}

export const put = (panes: Panes, index: number, pane: Pane | null): Panes => changed(panes, [[index, pane]]);

/** Two windows change places; one of them may be empty. */
export function swap(panes: Panes, from: number, to: number): Panes {
  if (from === to) return panes;
  return changed(panes, [
    [from, panes[to] ?? null],
    [to, panes[from] ?? null],
  ]);
}

/** Where a camera goes that nobody has given a place: the first empty window from `first` on, else the one after all. */
export function roomFor(panes: Panes, first: number): number {
  for (let index = first; index < panes.length; index += 1) if (panes[index] === null) return index;
  return Math.max(first, panes.length);
}

/** A camera joins the group of a window, or leaves it; the last one leaves an empty window. */
export function regroup(pane: Pane | null, camera: string, member: boolean): Pane | null {
  const others = (pane?.cameras ?? []).filter((id) => id !== camera);
  const cameras = member ? [...others, camera].slice(0, MOST_IN_GROUP) : others;
  return cameras.length === 0 ? null : { ...(pane ?? single(camera)), cameras };
}

/** What is left when some cameras are not there any more. */
export function without(panes: Panes, known: ReadonlySet<string>): Panes {
  return trimmed(
    panes.map((pane) => {
      const cameras = pane?.cameras.filter((id) => known.has(id)) ?? [];
      return pane && cameras.length > 0 ? { ...pane, cameras } : null;
    }),
  );
}

/** A window that is meant, by its place on the page and what it showed there. */
export interface Held {
  place: number;
  cameras: readonly string[];
}

/** Where such a window is now: still there if it shows any of its cameras or was empty, else the first that does; `null`: it is gone. */
export function placeOf(windows: readonly (Pane | null)[], { place, cameras }: Held): number | null {
  if (cameras.length === 0) return place;
  const shows = (pane: Pane | null | undefined): boolean => pane?.cameras.some((id) => cameras.includes(id)) ?? false;
  if (shows(windows[place])) return place;
  const found = windows.findIndex(shows);
  return found < 0 ? null : found;
}

/** How many pages a layout of `count` windows makes of them. */
export const pagesOf = (panes: Panes, count: number): number => Math.max(1, Math.ceil(panes.length / count));

/** The windows of a page, `count` of them. */
export const onPage = (panes: Panes, count: number, page: number): (Pane | null)[] =>
  Array.from({ length: count }, (_, index) => panes[page * count + index] ?? null);
