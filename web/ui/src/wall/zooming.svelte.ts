/** The part of one picture that is seen closer, and how keys and buttons change it. */

import { isZoomed, panned, WHOLE, zoomed, type Zoom } from './zoom';

const MIDDLE = { x: 0.5, y: 0.5 };
const ZOOM_STEP = 1.5;
const PAN_STEP = 0.15;

export class Zooming {
  zoom: Zoom = $state.raw(WHOLE);
  readonly near = $derived(isZoomed(this.zoom));

  private by(by: number): void {
    this.zoom = zoomed(this.zoom, by, MIDDLE);
  }

  in = (): void => this.by(ZOOM_STEP);
  out = (): void => this.by(1 / ZOOM_STEP);
  whole = (): void => {
    this.zoom = WHOLE;
  };

  /** What a key means: arrows and Escape only while it is seen closer. */
  action(key: string): (() => void) | undefined {
    const pan = (x: number, y: number) => (): void => void (this.zoom = panned(this.zoom, { x, y }));
    const actions: Record<string, () => void> = { '+': this.in, '=': this.in, '-': this.out, '0': this.whole };
    if (this.near) {
      Object.assign(actions, {
        ArrowLeft: pan(PAN_STEP, 0),
        ArrowRight: pan(-PAN_STEP, 0),
        ArrowUp: pan(0, PAN_STEP),
        ArrowDown: pan(0, -PAN_STEP),
        Escape: this.whole,
      });
    }
    return actions[key];
  }
}
