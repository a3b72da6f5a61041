/** Digital zoom of a picture within its window. Pure; places are fractions of the window. */

export interface Lens {
  /** 1: the whole picture. */
  factor: number;
  /** The corner, in fractions of the window. */
  x: number;
  y: number;
}

export const WHOLE: Lens = { factor: 1, x: 0, y: 0 };
const MOST = 8;

function held({ factor, x, y }: Lens): Lens {
  const edge = (value: number): number => Math.min(0, Math.max(1 - factor, value));
  return { factor, x: edge(x), y: edge(y) };
}

/** Around a place, which stays where it is. */
export function magnify(lens: Lens, by: number, x: number, y: number): Lens {
  const factor = Math.min(MOST, Math.max(1, lens.factor * by));
  const scale = factor / lens.factor;
  return held({ factor, x: x - (x - lens.x) * scale, y: y - (y - lens.y) * scale });
}

export const move = (lens: Lens, x: number, y: number): Lens => held({ ...lens, x: lens.x + x, y: lens.y + y });
