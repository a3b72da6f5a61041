/** How it stands with those who get messages, asked for while somebody looks. */

import { deliveries, type Delivery } from '../api/deliveries';

type What = 'email' | 'push';
const ASK_MS = 5_000;

class Standing {
  private all: Record<What, readonly Delivery[]> = $state.raw({ email: [], push: [] });
  private readonly watchers: Record<What, number> = { email: 0, push: 0 };

  of(what: What, id: string): Delivery | undefined {
    return this.all[what].find((one) => one.id === id);
  }

  /** What it gives back ends it. */
  watch(what: What): () => void {
    this.watchers[what] += 1;
    if (this.watchers[what] === 1) void this.ask(what);
    return () => (this.watchers[what] -= 1);
  }

  private async ask(what: What): Promise<void> {
    const found = await deliveries(what).catch(() => null);
    if (found !== null) this.all = { ...this.all, [what]: found };
    setTimeout(() => {
      if (this.watchers[what] > 0) void this.ask(what);
    }, ASK_MS);
  }
}

export const standing = new Standing();
