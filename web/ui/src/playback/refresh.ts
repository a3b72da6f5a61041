/** How long the screen takes from one refresh to the next: 60 Hz until it is measured, a busy browser often halves it. */

const USUAL_MS = 1000 / 60;
const EVERY_MS = 500;
/** The second shortest of these counts: a busy page misses refreshes that its pictures do not. */
const KEPT = 7;

export class Refresh {
  private took: number[] = [];
  private looked = -Infinity;

  get ms(): number {
    return this.took.toSorted((a, b) => a - b)[Math.min(1, this.took.length - 1)] ?? USUAL_MS;
  }

  /** Looks now and then; `now` is `performance.now()`. */
  look(now: number): void {
    if (now - this.looked < EVERY_MS) return;
    // Where nothing is shown the answer does not come before something is.
    this.looked = Infinity;
    requestAnimationFrame((first) =>
      requestAnimationFrame((second) => {
        this.looked = second;
        this.took.push(second - first);
        if (this.took.length > KEPT) this.took.shift();
      }),
    );
  }
}
