/** At most so many at a time: browsers open six connections to one recorder, and footage is not to take them all. */
export class Turns {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Waits for a turn; what it gives back ends it. Null: given up before it came. */
  async take(signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) return null;
    if (this.free > 0) this.free -= 1;
    else {
      const came = await new Promise<boolean>((resolve) => {
        const turn = (): void => resolve(true);
        this.waiting.push(turn);
        signal.addEventListener('abort', () => {
          const at = this.waiting.indexOf(turn);
          if (at >= 0) this.waiting.splice(at, 1);
          if (at >= 0) resolve(false);
        });
      });
      if (!came) return null;
    }
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    };
  }
}
