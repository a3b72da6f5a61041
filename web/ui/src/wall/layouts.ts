/** How the wall is split into windows, as hardware recorders do it. Cells of a grid; all else is the page's. */

export interface Place {
  /** Column and row of its upper left corner, from 0. */
  x: number;
  y: number;
  /** Cells wide, and as many high. */
  size: number;
}

export interface Layout {
  /** How many windows, which is its name too. */
  count: LayoutCount;
  /** Cells in a row, and as many rows. */
  cells: number;
  /** The large ones first, for they are looked at first; then in reading order. */
  places: readonly Place[];
}

export const COUNTS = [1, 4, 6, 8, 9, 13, 16, 25, 32, 36] as const;
export type LayoutCount = (typeof COUNTS)[number];

/** Windows larger than one cell; all other cells are windows of their own. */
const LARGE: Partial<Record<LayoutCount, readonly Place[]>> = {
  6: [{ x: 0, y: 0, size: 2 }],
  8: [{ x: 0, y: 0, size: 3 }],
  13: [{ x: 1, y: 1, size: 2 }],
  32: [
    { x: 1, y: 1, size: 3 },
    { x: 4, y: 1, size: 3 },
    { x: 1, y: 4, size: 3 },
    { x: 4, y: 4, size: 3 },
  ],
};

const CELLS: Record<LayoutCount, number> = { 1: 1, 4: 2, 6: 3, 8: 4, 9: 3, 13: 4, 16: 4, 25: 5, 32: 8, 36: 6 };

function make(count: LayoutCount): Layout {
  const cells = CELLS[count];
  const large = LARGE[count] ?? [];
  const places: Place[] = [...large];
  for (let y = 0; y < cells; y += 1) {
    for (let x = 0; x < cells; x += 1) {
      if (!large.some((one) => covers(one, x, y))) places.push({ x, y, size: 1 });
    }
  }
  return { count, cells, places };
}

function covers(place: Place, x: number, y: number): boolean {
  return place.x <= x && x < place.x + place.size && place.y <= y && y < place.y + place.size;
}

const LAYOUTS = new Map(COUNTS.map((count) => [count, make(count)]));

export const isCount = (value: unknown): value is LayoutCount => COUNTS.some((count) => count === value);

export function layoutOf(count: LayoutCount): Layout {
  return LAYOUTS.get(count) ?? make(count);
}

/** The smallest that shows so many at once; the largest where none does. */
export function fitting(windows: number): LayoutCount {
  return COUNTS.find((count) => count >= windows) ?? 36;
}

export type Direction = 'left' | 'right' | 'up' | 'down';

const AHEAD: Record<Direction, (from: Place, to: Place) => number> = {
  left: (from, to) => from.x - (to.x + to.size),
  right: (from, to) => to.x - (from.x + from.size),
  up: (from, to) => from.y - (to.y + to.size),
  down: (from, to) => to.y - (from.y + from.size),
};

/** The window next to one in a direction; `null` at the edge. */
export function neighbour({ places }: Layout, index: number, direction: Direction): number | null {
  const from = places[index];
  if (!from) return null;
  const aside = direction === 'left' || direction === 'right' ? 'y' : 'x';
  let best: { index: number; score: number } | null = null;
  places.forEach((to, at) => {
    const ahead = AHEAD[direction](from, to);
    if (ahead < 0 || at === index) return;
    // Nearest first, then the one that begins on the same line.
    const apart = Math.max(0, to[aside] - (from[aside] + from.size - 1), from[aside] - (to[aside] + to.size - 1));
    const score = ahead * 10 + apart * 100 + Math.abs(to[aside] - from[aside]);
    if (best === null || score < best.score) best = { index: at, score };
  });
  return (best as { index: number } | null)?.index ?? null;
}
