/** Draws the lanes of a timeline on a canvas, in the colours and patterns of the page. */

import type { Cause } from '../api/types';
import type { Span } from '../footage/causes';
import { placeOf } from './scale';
import type { Lane } from './timeline';

/** The least grave first: graver ones lie over it. */
const ORDER: readonly Cause[] = ['schedule', 'manual', 'motion', 'analytics', 'sensor'];

export interface Ink {
  track: string;
  footage: string;
  line: string;
  text: string;
  quiet: string;
  unknown: string;
  causes: Record<Cause, CanvasPattern | string>;
  hole: CanvasPattern | string;
}

/** The same patterns as causes.css, at the screen's own resolution. */
export function inkOf(element: HTMLElement, ratio: number): Ink {
  const style = getComputedStyle(element);
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const over = token('cause-ink');
  const pattern = (ground: string, size: number, draw: (to: CanvasRenderingContext2D) => void): CanvasPattern | string => {
    const tile = document.createElement('canvas');
    tile.width = tile.height = Math.round(size * ratio);
    const to = tile.getContext('2d');
    if (!to) return ground;
    to.fillStyle = ground;
    to.fillRect(0, 0, tile.width, tile.height);
    to.scale(tile.width / size, tile.height / size);
    draw(to);
    return to.createPattern(tile, 'repeat') ?? ground;
  };
  const diagonal = (size: number, width: number, colour: string) => (to: CanvasRenderingContext2D): void => {
    to.strokeStyle = colour;
    to.lineWidth = width;
    to.beginPath();
    for (const at of [-size, 0, size]) {
      to.moveTo(at - 1, size + 1);
      to.lineTo(at + size + 1, -1);
    }
    to.stroke();
  };
  const fill = (colour: string, x: number, y: number, w: number, h: number) => (to: CanvasRenderingContext2D): void => {
    to.fillStyle = colour;
    to.fillRect(x, y, w, h);
  };
  const dot = (to: CanvasRenderingContext2D): void => {
    to.fillStyle = over;
    to.beginPath();
    to.arc(2.5, 2.5, 1.2, 0, 7);
    to.fill();
  };
  return {
    track: token('track'),
    footage: token('schedule'),
    line: token('line'),
    text: token('text'),
    quiet: token('quiet'),
    unknown: token('raised'),
    causes: {
      schedule: token('schedule'),
      manual: pattern(token('manual'), 5, fill(over, 0, 0, 1, 5)),
      motion: pattern(token('motion'), 6, diagonal(6, 1, over)),
      sensor: pattern(token('sensor'), 6, fill(over, 0, 2, 6, 1.5)),
      analytics: pattern(token('analytics'), 5, dot),
    },
    hole: pattern(token('surface'), 6, diagonal(6, 2, token('hole'))),
  };
}

export interface Layout {
  width: number;
  laneHeight: number;
  laneGap: number;
}

/** Pairs as rectangles of whole pixels; those that fall on the same pixels are one. */
function bars(pairs: readonly (readonly [number, number, ...unknown[]])[], view: Span, width: number, least: number, draw: (x: number, w: number) => void): void {
  let from = -1;
  let to = -1;
  for (const [a, b] of pairs) {
    const x = Math.max(0, Math.round(placeOf(view, a) * width));
    const end = Math.min(width, Math.max(x + least, Math.round(placeOf(view, b) * width)));
    if (end <= 0 || x >= width) continue;
    if (x <= to) to = Math.max(to, end);
    else {
      if (to > from) draw(from, to - from);
      [from, to] = [x, end];
    }
  }
  if (to > from) draw(from, to - from);
}

/** All sizes in device pixels. */
export function drawLanes(to: CanvasRenderingContext2D, lanes: readonly (Lane & { unknown: [number, number][] })[], view: Span, layout: Layout, shown: ReadonlySet<Cause>, ink: Ink): void {
  const { width, laneHeight, laneGap } = layout;
  to.clearRect(0, 0, to.canvas.width, to.canvas.height);
  lanes.forEach((lane, index) => {
    const top = index * (laneHeight + laneGap);
    to.fillStyle = ink.track;
    to.fillRect(0, top, width, laneHeight);
    to.fillStyle = ink.unknown;
    bars(lane.unknown, view, width, 1, (x, w) => to.fillRect(x, top, w, laneHeight));
    to.globalAlpha = 0.3;
    to.fillStyle = ink.footage;
    bars(lane.footage, view, width, 1, (x, w) => to.fillRect(x, top, w, laneHeight));
    to.globalAlpha = 1;
    for (const cause of ORDER) {
      const pairs = lane.causes[cause];
      if (!pairs || !shown.has(cause)) continue;
      to.fillStyle = ink.causes[cause];
      const height = cause === 'schedule' ? laneHeight : Math.round(laneHeight * 0.72);
      bars(pairs, view, width, cause === 'schedule' ? 1 : 2, (x, w) => to.fillRect(x, top, w, height));
    }
    to.fillStyle = ink.hole;
    bars(lane.gaps, view, width, 3, (x, w) => to.fillRect(x, top, w, laneHeight));
  });
}
