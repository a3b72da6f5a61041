import { untrack } from 'svelte';
import { Problem } from '../api/problem';
import { pauseMs } from '../live/backoff';

/** After failures; where it is asked for every while anyway, that is soon enough. */
const PAUSES = { firstMs: 2_000, longestMs: 30_000 };

/**
 * An answer that a page shows, asked for anew every while, or once; and why there is none. Only the
 * newest question counts: what is answered to others later is dropped. A failure is shown until
 * there is an answer, and as long as somebody watches what may pass is asked again by itself.
 */
export class Asked<T> {
  /** The last answer, to whatever question; `null` before the first one. */
  value: T | null = $state.raw(null);
  problem: Problem | null = $state.raw(null);
  busy = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private turn = 0;
  private failures = 0;
  private watched = false;
  private last: () => Promise<T>;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly everyMs: number | null = null,
  ) {
    this.last = ask;
  }

  /** For an effect: what it gives back ends it. `afterMs`: nobody is asked at each letter that is typed. */
  watch(afterMs = 0): () => void {
    this.watched = true;
    if (afterMs > 0) this.timer = setTimeout(() => void this.load(), afterMs);
    else untrack(() => void this.load());
    return () => {
      this.watched = false;
      this.turn += 1;
      this.busy = false;
      clearTimeout(this.timer);
    };
  }

  /** `ask`: such as for more of the same; its answer stands in for what there was. */
  async load(ask: () => Promise<T> = this.ask): Promise<void> {
    clearTimeout(this.timer);
    this.turn += 1;
    const { turn } = this;
    this.last = ask;
    this.busy = true;
    try {
      const unseen = this.everyMs !== null && document.hidden;
      const value = (unseen ? this.value : null) ?? (await ask());
      if (turn !== this.turn) return;
      this.value = value;
      this.problem = null;
      this.failures = 0;
    } catch (error) {
      if (turn !== this.turn) return;
      this.problem = Problem.from(error);
      this.failures += 1;
    }
    this.busy = false;
    if (this.everyMs !== null) this.timer = setTimeout(() => void this.load(), this.everyMs);
    else if (this.problem?.mayPass && this.watched) this.timer = setTimeout(() => void this.again(), pauseMs(this.failures - 1, Math.random(), PAUSES));
  }

  /** What failed. */
  again(): Promise<void> {
    return this.load(this.last);
  }

  /** What is known by other ways; an answer under way may be older. */
  put(value: T): void {
    this.value = value;
    if (this.busy) void this.again();
  }
}
