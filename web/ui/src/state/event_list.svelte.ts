import { alarms as api, type Happening } from '../api/alarms';
import { Problem } from '../api/problem';
import { byAge, merge } from '../events/merge';
import { admits, query, type EventFilter } from '../events/filter';

const PAGE = 50;
/** A storm does not make the page longer than this by itself; what falls off is on the next page. */
const LONGEST_BY_ITSELF = 200;
/** Nor than this where somebody asked for more. */
const LONGEST = 2_000;

/** The events of a filter, newest first, page by page, with those that are told meanwhile. */
export class EventList {
  /** `null` before the first answer. */
  events: readonly Happening[] | null = $state.raw(null);
  /** There are older ones. */
  next: string | null = $state(null);
  busy = $state(false);
  /** The recorder's own words, or none where it did not answer. */
  problem: Problem | null = $state.raw(null);
  /** Somebody asked for more pages. */
  private paged = false;
  /** What was told while a page is waited for, for each of them: it may be missing in the answer. */
  private readonly meanwhile = new Set<Happening[]>();

  constructor(private readonly filter: EventFilter) {}

  /** The newest page, also again after the line was lost. */
  async load(): Promise<void> {
    const told: Happening[] = [];
    this.meanwhile.add(told);
    const page = await this.ask({}).finally(() => this.meanwhile.delete(told));
    if (page === null) return;
    // Between what is shown and a page of only newer ones there may be others.
    const oldest = page.events.at(-1);
    const joined = this.events !== null && (page.next === null || this.events.some(({ id }) => page.events.some((e) => e.id === id)));
    if (joined && oldest !== undefined) this.events = merge(this.events ?? [], page.events);
    else {
      this.events = page.events;
      this.next = page.next;
      this.paged = false;
    }
    this.tell(told);
  }

  async more(): Promise<void> {
    if (this.next === null || this.busy) return;
    const page = await this.ask({ before: this.next });
    if (page === null) return;
    this.paged = true;
    this.events = merge(this.events ?? [], page.events);
    this.next = page.next;
  }

  tell(told: readonly Happening[]): void {
    const { events } = this;
    for (const all of this.meanwhile) all.push(...told);
    if (events === null) return;
    const known = new Set(events.map(({ id }) => id));
    const oldest = events.at(-1);
    // Older ones belong to pages that nobody asked for yet.
    const here = (event: Happening): boolean => this.next === null || oldest === undefined || byAge(event, oldest) <= 0;
    const all = merge(events, told.filter((event) => known.has(event.id) || (admits(this.filter, event) && here(event))));
    const kept = all.slice(0, Math.max(this.paged ? LONGEST : LONGEST_BY_ITSELF, events.length));
    if (kept.length < all.length) this.next = kept.at(-1)?.id ?? this.next;
    this.events = kept;
  }

  private async ask(more: Record<string, string>): Promise<{ events: Happening[]; next: string | null } | null> {
    this.busy = true;
    try {
      const page = await api.events({ ...query(this.filter), limit: String(PAGE), ...more });
      this.problem = null;
      return page;
    } catch (problem) {
      this.problem = Problem.from(problem);
      return null;
    } finally {
      this.busy = false;
    }
  }
}
