/** One window of the page that is meant, such as the one that is seen alone: known by what it shows, for windows move. */

import { untrack } from 'svelte';
import { placeOf, type Held, type Pane } from './panes';

export class Meant {
  private held: Held | null = $state.raw(null);
  /** Where it is now; `null`: none is meant, or its cameras are not on the page. */
  readonly place: number | null = $derived.by(() => (this.held ? placeOf(this.windows(), this.held) : null));

  constructor(private readonly windows: () => readonly (Pane | null)[]) {}

  /** Where it was when it was chosen. */
  get chosenAt(): number {
    return this.held?.place ?? 0;
  }

  /** This window, with all of its cameras or for this one alone; `null`: none. */
  choose(place: number | null, camera?: string): void {
    const cameras = camera === undefined && place !== null ? untrack(this.windows)[place]?.cameras : undefined;
    this.held = place === null ? null : { place, cameras: cameras ?? (camera === undefined ? [] : [camera]) };
  }

  is(place: number, camera: string): boolean {
    return this.place === place && (this.held?.cameras.includes(camera) ?? false);
  }

  /** What has left the page does not come back by itself. */
  forgetGone(): void {
    if (this.held && this.place === null) this.held = null;
  }
}
