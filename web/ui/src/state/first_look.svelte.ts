/** The first look at a demonstration: which of its steps were taken, and whether somebody has had enough of them. */

import { preferences } from './preferences.svelte';
import { recorder } from './recorder.svelte';
import { session } from './session.svelte';

export const STEPS = ['watch', 'playback', 'ring', 'events', 'motion', 'camera'] as const;
export type Step = (typeof STEPS)[number];

interface Kept {
  done?: Step[];
  closed?: boolean;
}

class Tour {
  /** The recorder is a demonstration, and whoever looks may try everything. */
  readonly offered = $derived(recorder.info?.tour === true && session.administers);
  /** Whether it was closed is known. */
  readonly settled = $derived(!this.offered || preferences.loaded);
  private readonly kept = $derived(preferences.read<Kept>('tour') ?? {});
  readonly shown = $derived(this.offered && preferences.loaded && this.kept.closed !== true);
  readonly done: readonly Step[] = $derived(STEPS.filter((step) => this.kept.done?.includes(step)));

  take(step: Step): void {
    if (!this.done.includes(step)) void preferences.keep({ tour: { ...this.kept, done: [...this.done, step] } });
  }

  show(shown: boolean): void {
    void preferences.keep({ tour: { ...this.kept, closed: !shown } });
  }
}

export const tour = new Tour();
