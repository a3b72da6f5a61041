/** Whoever leaves a page with something typed and not saved is asked first. */

class Leaving {
  /** Goes on once somebody says so; `null`: nobody is being asked. */
  waiting: (() => void) | null = $state.raw(null);
  private readonly guards = new Set<() => boolean>();

  constructor() {
    addEventListener('beforeunload', (event) => {
      if (this.unsaved) event.preventDefault();
    });
  }

  get unsaved(): boolean {
    return [...this.guards].some((dirty) => dirty());
  }

  /** `dirty` is asked whenever the page is to be left; what it gives back ends that. */
  guard(dirty: () => boolean): () => void {
    this.guards.add(dirty);
    return () => this.guards.delete(dirty);
  }

  /** Does `then` now, or when it was asked and allowed. */
  ask(then: () => void): void {
    if (this.unsaved) this.waiting = then;
    else then();
  }

  go(): void {
    const then = this.waiting;
    this.waiting = null;
    this.guards.clear();
    then?.();
  }
}

export const leaving = new Leaving();
