/** Where motion counts: rows drawn over the picture, X counts, . does not. */

export type Area = readonly (readonly boolean[])[];

/** What is drawn on when nothing was drawn yet. */
export const ROWS = 18;
export const COLUMNS = 32;

/** A picture without rows counts everywhere; rows that are not equally long are filled up. */
export function areaOf(rows: readonly string[]): Area {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  if (rows.length === 0 || columns === 0) return full(true);
  return rows.map((row) => Array.from({ length: columns }, (_, at) => row[at]?.toUpperCase() === 'X'));
}

export const full = (on: boolean, rows = ROWS, columns = COLUMNS): Area => Array.from({ length: rows }, () => Array.from({ length: columns }, () => on));

/** `undefined`: everywhere, which is not written. */
export function rowsOf(area: Area): string[] | undefined {
  if (area.every((row) => row.every(Boolean))) return undefined;
  return area.map((row) => row.map((on) => (on ? 'X' : '.')).join(''));
}

export interface Rectangle {
  top: number;
  left: number;
  bottom: number;
  right: number;
}

/** Both corners are in it. */
export const between = (a: readonly [number, number], b: readonly [number, number]): Rectangle => ({
  top: Math.min(a[0], b[0]),
  left: Math.min(a[1], b[1]),
  bottom: Math.max(a[0], b[0]),
  right: Math.max(a[1], b[1]),
});

export const isIn = ({ top, left, bottom, right }: Rectangle, row: number, column: number): boolean =>
  row >= top && row <= bottom && column >= left && column <= right;

export const paint = (area: Area, where: Rectangle, on: boolean): Area =>
  area.map((row, y) => row.map((cell, x) => (isIn(where, y, x) ? on : cell)));

export const inverted = (area: Area): Area => area.map((row) => row.map((on) => !on));

/** Share of the picture, 0 to 1. */
export function share(area: Area): number {
  const cells = area.flat();
  return cells.length === 0 ? 1 : cells.filter(Boolean).length / cells.length;
}
