import { untrack } from 'svelte';
import { Problem } from '../api/problem';

/** An answer that a page shows, asked for anew every while, or once; and why there is none. */
export class Asked<T> {
  /** `null` before the first answer. */
  value: T | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly everyMs: number | null = null,
  ) {}

  /** For an effect: what it gives back ends it. */
  watch(): () => void {
    untrack(() => void this.load());
    return () => {
      this.turn += 1;
      clearTimeout(this.timer);
    };
  }

  async load(): Promise<void> {
    clearTimeout(this.timer);
    this.turn += 1;
    const { turn } = this;
    try {
      const value = document.hidden && this.value !== null ? this.value : await this.ask();
      if (turn !== this.turn) return;
      this.value = value;
      this.problem = null;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = Problem.from(error);
    }
    if (this.everyMs !== null) this.timer = setTimeout(() => void this.load(), this.everyMs);
  }

  put(value: T): void {
    this.value = value;
  }
}
