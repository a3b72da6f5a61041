/** A change of the configuration on its way: tried, shown, made. One at a time; its dialog is ChangeDialog. */

import type { Changed } from '../api/config';
import { Problem } from '../api/problem';
import { configuration } from '../state/configuration.svelte';

export interface Wish {
  title: string;
  /** What cannot be taken back by a click is said here. */
  warning?: string | undefined;
  run: (tryOnly: boolean) => Promise<Changed>;
  /** It is made. */
  done: (changed: Changed) => void;
  /** It was refused, with words on fields; nothing was changed. Without this the dialog tells them. */
  refused?: (problem: Problem) => void;
  /** Somebody else changed the configuration; nothing was changed here. */
  stale?: () => void;
}

type Step = 'trying' | 'shown' | 'making';

class Proposal {
  wish: Wish | null = $state.raw(null);
  step: Step = $state('trying');
  /** What it would do. */
  preview: Changed | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  /** The configuration was read anew after somebody else's change. */
  stale = $state(false);

  make(wish: Wish): void {
    this.wish = wish;
    this.preview = null;
    void this.attempt(true);
  }

  async attempt(tryOnly: boolean): Promise<void> {
    const { wish } = this;
    if (wish === null) return;
    this.step = tryOnly ? 'trying' : 'making';
    this.problem = null;
    this.stale = false;
    try {
      const changed = await wish.run(tryOnly);
      if (this.wish !== wish) return;
      this.preview = changed;
      this.step = 'shown';
      if (tryOnly) return;
      this.wish = null;
      // A revision comes with its tables: where they cannot be read, the next change is told to be stale.
      await configuration.load().catch(() => {});
      wish.done(changed);
    } catch (error) {
      if (this.wish === wish) this.failed(wish, Problem.from(error));
    }
  }

  private failed(wish: Wish, problem: Problem): void {
    this.step = 'shown';
    this.preview = null;
    if (problem.status === 412) {
      this.stale = true;
      void configuration.load().catch((error: unknown) => {
        if (error instanceof Problem) this.problem = error;
      });
    } else if (problem.faults.length > 0 && wish.refused) {
      this.wish = null;
      wish.refused(problem);
    } else {
      this.problem = problem;
    }
  }

  /** Somebody else's change is taken up: once more from there. */
  again(): void {
    this.wish?.stale?.();
    void this.attempt(true);
  }

  /** Whoever wished it is not there any more. */
  forget(): void {
    this.wish = null;
  }

  /** What is being made is waited for. */
  cancel(): void {
    if (this.wish !== null && this.step === 'making') return;
    this.wish = null;
  }
}

export const proposal = new Proposal();
