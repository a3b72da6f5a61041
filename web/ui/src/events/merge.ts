/** Many tellings of the same events, and what is known then. Pure. */

import type { Happening } from '../api/alarms';

const settled = (event: Happening): number => event.actions.filter(({ state }) => state !== 'planned').length;

/** Of two tellings of one event the one that was told later: an end and an outcome are never taken back. */
export function later(known: Happening, told: Happening): Happening {
  if ((known.end === null) !== (told.end === null)) return known.end === null ? told : known;
  return settled(told) >= settled(known) ? told : known;
}

/** Of a second, to the microsecond: `Date` knows milliseconds only. */
const fraction = (time: string): number => Number((/\.(\d{1,6})/.exec(time)?.[1] ?? '').padEnd(6, '0'));

/** As the recorder orders them: newest first; of one instant, the later id. */
export function byAge(a: Happening, b: Happening): number {
  return (
    Date.parse(b.start) - Date.parse(a.start) || fraction(b.start) - fraction(a.start) || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
  );
}

/** Both together, each event once, newest first. The same list where nothing changes. */
export function merge(known: readonly Happening[], told: readonly Happening[]): readonly Happening[] {
  if (told.length === 0) return known;
  const all = new Map(known.map((event) => [event.id, event]));
  for (const event of told) {
    const before = all.get(event.id);
    all.set(event.id, before ? later(before, event) : event);
  }
  return [...all.values()].sort(byAge);
}

/** The events that go on: told one by one, and now and then asked for as a whole. */
export class GoingOn {
  private readonly events = new Map<string, Happening>();
  /** Over, so that a late answer does not bring them back. */
  private readonly over = new Set<string>();
  /** What was told while an answer is waited for, for each answer. */
  private readonly waiting = new Set<Set<string>>();

  list(): Happening[] {
    return [...this.events.values()].sort(byAge);
  }

  /** Says whether anything changed. */
  tell(event: Happening): boolean {
    for (const told of this.waiting) told.add(event.id);
    const known = this.events.get(event.id);
    if (event.end !== null) {
      this.forgetOld();
      this.over.add(event.id);
      return this.events.delete(event.id);
    }
    if (this.over.has(event.id)) return false;
    this.events.set(event.id, known ? later(known, event) : event);
    return true;
  }

  /**
   * Asks for all that goes on; what is told meanwhile counts more than the answer. Says whether the
   * recorder knew something that had not been told: then the line to it is deaf.
   */
  async ask(asked: () => Promise<readonly Happening[]>): Promise<boolean> {
    const told = new Set<string>();
    this.waiting.add(told);
    try {
      return this.answer(await asked(), told);
    } finally {
      this.waiting.delete(told);
    }
  }

  private answer(all: readonly Happening[], told: ReadonlySet<string>): boolean {
    const named = new Set(all.map(({ id }) => id));
    let deaf = false;
    for (const id of this.events.keys()) {
      if (named.has(id) || told.has(id)) continue;
      this.events.delete(id);
      deaf = true;
    }
    for (const event of all) {
      if (this.over.has(event.id)) continue;
      const known = this.events.get(event.id);
      this.events.set(event.id, known ? later(known, event) : event);
      deaf ||= known === undefined;
    }
    return deaf;
  }

  private forgetOld(): void {
    const [oldest] = this.over;
    if (this.over.size >= 10_000 && oldest !== undefined) this.over.delete(oldest);
  }
}
