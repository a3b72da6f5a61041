/** Walls and sequences of walls as the recorder keeps them: to JSON and back. What comes back may be anybody's. */

import { isCount, type LayoutCount } from './layouts';
import { DWELLS_S, MOST_IN_GROUP, MOST_WINDOWS, type Pane, type Panes, type Wish } from './panes';

export interface WallBody {
  kind: 'wall';
  count: LayoutCount;
  panes: Panes;
  /** For every window that has no wish of its own. */
  wish: Wish;
  /** All cameras, also those that are added later. */
  follow: boolean;
}

export interface TourBody {
  kind: 'tour';
  /** Ids of walls, in turn. */
  stops: readonly string[];
  dwellS: number;
}

export type Body = WallBody | TourBody;

type Dict = Record<string, unknown>;
const isDict = (value: unknown): value is Dict => typeof value === 'object' && value !== null && !Array.isArray(value);
const strings = (value: unknown, most: number): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string' && one.length <= 200).slice(0, most) : [];
const wishOf = (value: unknown): Wish => (value === 'main' || value === 'sub' ? value : 'auto');
const dwellOf = (value: unknown): number =>
  typeof value === 'number' && Number.isFinite(value) ? Math.min(3_600, Math.max(DWELLS_S[0], Math.round(value))) : 10;

function paneOf(value: unknown): Pane | null {
  if (typeof value === 'string') return { cameras: [value], dwellS: 10, wish: 'auto' };
  if (!isDict(value)) return null;
  const cameras = [...new Set(strings(value['cameras'], MOST_IN_GROUP))];
  return cameras.length === 0 ? null : { cameras, dwellS: dwellOf(value['dwell_s']), wish: wishOf(value['stream']) };
}

/** `null`: nothing that this page knows to show. */
export function parse(value: unknown): Body | null {
  if (!isDict(value)) return null;
  if (value['kind'] === 'tour') return { kind: 'tour', stops: strings(value['walls'], 64), dwellS: dwellOf(value['dwell_s']) };
  const count = value['windows_shown'];
  if (value['kind'] !== 'wall' || !isCount(count)) return null;
  const windows: unknown[] = Array.isArray(value['windows']) ? value['windows'] : [];
  return {
    kind: 'wall',
    count,
    panes: windows.slice(0, MOST_WINDOWS).map(paneOf),
    wish: wishOf(value['stream']),
    follow: value['all_cameras'] === true,
  };
}

/** A window with one camera and no wish is its name alone, so that 256 windows fit. */
const written = (pane: Pane | null): unknown => {
  if (pane === null) return null;
  const [first] = pane.cameras;
  if (pane.cameras.length === 1 && pane.wish === 'auto') return first;
  return { cameras: pane.cameras, dwell_s: pane.dwellS, stream: pane.wish };
};

export function json(body: Body): Dict {
  if (body.kind === 'tour') return { kind: 'tour', walls: body.stops, dwell_s: body.dwellS };
  return {
    kind: 'wall',
    windows_shown: body.count,
    stream: body.wish,
    all_cameras: body.follow,
    windows: body.follow ? [] : body.panes.map(written),
  };
}

/** An id for a new preset, from its name: `a-z0-9-_`, at most 40. */
export function idFor(name: string, taken: ReadonlySet<string>): string {
  const plain = name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  const stem = plain.slice(0, 34).replace(/-+$/, '') || 'wall';
  for (let n = 1; ; n += 1) {
    const id = n === 1 ? stem : `${stem}-${n}`;
    if (!taken.has(id)) return id;
  }
}
