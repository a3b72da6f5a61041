/** Which of a camera's streams a window deserves. */

import type { WindowSize } from '../live/choice';
import type { Wish } from './panes';

/** From this width on, in CSS pixels, the main stream is worth its cost. */
const LARGE_PX = 1000;

/** A window's own wish counts before the one for all windows, and that before its size. */
export function sizeFor(own: Wish, all: Wish, width: number, scale: number, full: boolean): WindowSize {
  const wish = own === 'auto' ? all : own;
  if (wish !== 'auto') return wish === 'main' ? 'large' : 'small';
  return full || width * scale >= LARGE_PX ? 'large' : 'small';
}
