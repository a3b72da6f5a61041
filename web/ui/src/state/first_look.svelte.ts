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

class FirstLook {
  /** The recorder is a demonstration, and whoever looks may try everything. */
  readonly offered = $derived(recorder.info?.demo === true && session.administers);
  /** Whether it was closed is known. */
  readonly settled = $derived(!this.offered || preferences.loaded);
  private readonly kept = $derived(preferences.read<Kept>('first_look') ?? {});
  readonly shown = $derived(this.offered && preferences.loaded && this.kept.closed !== true);
  readonly done: readonly Step[] = $derived(STEPS.filter((step) => this.kept.done?.includes(step)));

  take(step: Step): void {
    if (!this.done.includes(step)) void preferences.keep({ first_look: { ...this.kept, done: [...this.done, step] } });
  }

  show(shown: boolean): void {
    void preferences.keep({ first_look: { ...this.kept, closed: !shown } });
  }
}

export const firstLook = new FirstLook();
