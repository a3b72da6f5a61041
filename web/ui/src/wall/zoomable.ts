/** Wheel, drag and two fingers on a picture, as changes of its zoom; and presses, which are none of these. */

import type { Attachment } from 'svelte/attachments';
import { isZoomed, panned, pinched, zoomed, type Point, type Zoom } from './zoom';

interface Handlers {
  get(): Zoom;
  set(zoom: Zoom): void;
  /** Whether the wheel is the picture's now, not the page's. */
  takesWheel(): boolean;
  /** Pressed without moving. */
  press(point: Point, touched: boolean): void;
  pressedTwice(): void;
  /** A finger went over the whole picture, to the left or not. */
  swiped?(left: boolean): void;
}

const TWICE_MS = 350;
/** Fewer pixels are no movement. */
const STILL_PX = 8;
/** Of the picture's width. */
const SWIPE = 0.25;

export function zoomable(handlers: Handlers): Attachment<HTMLElement> {
  return (element) => {
    const fingers = new Map<number, Point>();
    let pressed: { at: Point; moved: boolean } | null = null;
    let last = { time: 0, x: 0, y: 0 };
    const stop = new AbortController();

    const pointOf = (event: { clientX: number; clientY: number }): Point => {
      const box = element.getBoundingClientRect();
      return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
    };
    const on = <K extends keyof HTMLElementEventMap>(type: K, run: (event: HTMLElementEventMap[K]) => void): void =>
      element.addEventListener(type, run, { signal: stop.signal, passive: false });
    const isControl = (event: Event): boolean => event.target instanceof Element && event.target.closest('button, a, input, select, [popover]') !== null;

    on('wheel', (event) => {
      if (isControl(event) || !(handlers.takesWheel() || event.ctrlKey)) return;
      event.preventDefault();
      // Lines and pages count as so many pixels.
      const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 33);
      handlers.set(zoomed(handlers.get(), Math.exp(-Math.max(-200, Math.min(200, pixels)) / (event.ctrlKey ? 80 : 400)), pointOf(event)));
    });
    on('pointerdown', (event) => {
      if (isControl(event) || (event.pointerType === 'mouse' && event.button !== 0)) return;
      fingers.set(event.pointerId, pointOf(event));
      pressed = fingers.size === 1 ? { at: { x: event.clientX, y: event.clientY }, moved: false } : null;
      if (isZoomed(handlers.get()) || fingers.size > 1) element.setPointerCapture(event.pointerId);
    });
    on('pointermove', (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const after = pointOf(event);
      if (pressed && Math.hypot(event.clientX - pressed.at.x, event.clientY - pressed.at.y) >= STILL_PX) pressed.moved = true;
      const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
      if (other) handlers.set(pinched(handlers.get(), [before, other], [after, other]));
      else if (isZoomed(handlers.get()) && pressed?.moved) handlers.set(panned(handlers.get(), { x: after.x - before.x, y: after.y - before.y }));
      else if (isZoomed(handlers.get())) return;
      fingers.set(event.pointerId, after);
    });
    on('pointerup', (event) => {
      fingers.delete(event.pointerId);
      const began = pressed;
      pressed = null;
      if (!began) return;
      if (began.moved) {
        const by = (event.clientX - began.at.x) / element.clientWidth;
        if (event.pointerType === 'touch' && Math.abs(by) > SWIPE && !isZoomed(handlers.get())) handlers.swiped?.(by < 0);
        return;
      }
      const twice = event.timeStamp - last.time < TWICE_MS && Math.hypot(event.clientX - last.x, event.clientY - last.y) < 24;
      last = { time: twice ? 0 : event.timeStamp, x: event.clientX, y: event.clientY };
      if (twice) handlers.pressedTwice();
      else handlers.press(pointOf(event), event.pointerType !== 'mouse');
    });
    on('pointercancel', (event) => {
      fingers.delete(event.pointerId);
      pressed = null;
    });
    return () => stop.abort();
  };
}
