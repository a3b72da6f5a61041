/** Looking closer at a part of a picture. Points are fractions of the window, from its upper left corner. */

export interface Zoom {
  scale: number;
  /** Which part of the window's picture is at its upper left corner. */
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
export const MOST = 16;

export const isZoomed = ({ scale }: Zoom): boolean => scale > 1.001;

/** Nothing beyond the picture's edges is shown. */
function kept({ scale, x, y }: Zoom): Zoom {
  const wanted = Math.min(MOST, Math.max(1, scale));
  if (wanted <= 1.001) return WHOLE;
  const most = 1 - 1 / wanted;
  return { scale: wanted, x: Math.min(most, Math.max(0, x)), y: Math.min(most, Math.max(0, y)) };
}

/** `by` times as large; what is at `point` stays there. */
export function zoomed(zoom: Zoom, by: number, point: Point): Zoom {
  const scale = Math.min(MOST, Math.max(1, zoom.scale * by));
  return kept({
    scale,
    x: zoom.x + point.x / zoom.scale - point.x / scale,
    y: zoom.y + point.y / zoom.scale - point.y / scale,
  });
}

/** The picture follows the pointer, which moved by a part of the window. */
export const panned = (zoom: Zoom, by: Point): Zoom =>
  kept({ scale: zoom.scale, x: zoom.x - by.x / zoom.scale, y: zoom.y - by.y / zoom.scale });

/** Two fingers: what was under them stays under them. */
export function pinched(zoom: Zoom, before: readonly [Point, Point], after: readonly [Point, Point]): Zoom {
  const apart = ([a, b]: readonly [Point, Point]): number => Math.hypot(a.x - b.x, a.y - b.y);
  const middle = ([a, b]: readonly [Point, Point]): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const from = middle(before);
  const to = middle(after);
  const larger = zoomed(zoom, apart(after) / Math.max(0.01, apart(before)), from);
  return panned(larger, { x: to.x - from.x, y: to.y - from.y });
}

export const transformOf = ({ scale, x, y }: Zoom): string =>
  scale === 1 ? 'none' : `scale(${scale.toFixed(4)}) translate(${(-x * 100).toFixed(3)}%, ${(-y * 100).toFixed(3)}%)`;
