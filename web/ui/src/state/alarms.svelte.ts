import { alarms as api, newsUrl, type Happening } from '../api/alarms';
import { rfc3339 } from '../api/client';
import { Line } from '../events/line';
import { GoingOn, merge } from '../events/merge';
import { clock } from './clock.svelte';

/** Graver moments are told of for as long after them. */
export const RECENT_MS = 600_000;
const MOST_RECENT = 50;
/** The recorder is asked as often whether it told everything. */
const ASK_MS = 30_000;
/** Asked for anew is what came shortly before the line was lost, too. */
const OVERLAP_MS = 5_000;

/** `caughtUp`: they are of before, asked for as they may have been missed. */
type Listener = (events: readonly Happening[], caughtUp: boolean) => void;

/** What goes on, and what has just happened, told by the recorder as it happens. */
class Alarms {
  going: readonly Happening[] = $state.raw([]);
  /** Moments that were more than information, newest first, perhaps older than `RECENT_MS`. */
  moments: readonly Happening[] = $state.raw([]);
  /** The recorder was heard, or was not to be had. */
  ready = $state(false);
  connected = $state(false);
  private goingOn = new GoingOn();
  private line: Line | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly listeners = new Set<Listener>();
  /** By the recorder's clock; `null`: never. */
  private heard: number | null = null;

  start(): () => void {
    this.line = new Line(newsUrl, {
      onOpen: () => this.catchUp(),
      onLost: () => {
        this.connected = false;
        this.ready = true;
      },
      onEvents: (events) => {
        // How old they are is not known yet; they are among those that are asked for as soon as it is.
        if (!clock.known) return;
        this.heard = clock.now();
        this.tell(events);
      },
      onMissed: () => void this.catchUp().catch(() => this.line?.again()),
    });
    this.timer = setInterval(() => void this.ask(), ASK_MS);
    const seen = (): void => void this.ask();
    document.addEventListener('visibilitychange', seen);
    return () => {
      document.removeEventListener('visibilitychange', seen);
      clearInterval(this.timer);
      this.line?.close();
      this.line = null;
      this.goingOn = new GoingOn();
      this.going = [];
      this.moments = [];
      this.ready = false;
      this.connected = false;
      this.heard = null;
    };
  }

  /** Tells of every event from now on, and of those that were missed while the line was down. */
  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** What the recorder answered or told. */
  tell(events: readonly Happening[], caughtUp = false): void {
    const grave = events.filter((event) => event.severity !== 'info' && event.end === event.start);
    if (grave.length > 0) this.moments = merge(this.moments, grave).slice(0, MOST_RECENT);
    if (events.map((event) => this.goingOn.tell(event)).includes(true)) this.going = this.goingOn.list();
    for (const listener of this.listeners) listener(events, caughtUp);
  }

  private async catchUp(): Promise<void> {
    const line = this.line;
    await clock.whenKnown();
    if (line !== this.line) return;
    const asked = clock.now();
    // The recorder's clock may have been set back since.
    const since = this.heard === null ? asked - RECENT_MS : Math.min(this.heard, asked) - OVERLAP_MS;
    const [, missed] = await Promise.all([
      this.goingOn.ask(() => api.goingOn(asked)),
      api.events({ from: rfc3339(since), limit: '1000' }),
    ]);
    if (line !== this.line) return;
    this.going = this.goingOn.list();
    this.heard = asked;
    this.tell(missed.events.toReversed(), true);
    this.connected = true;
    this.ready = true;
  }

  /** A line may be dead without a word, as after a laptop slept. */
  private async ask(): Promise<void> {
    if (document.hidden || !this.connected) return;
    const line = this.line;
    const deaf = await this.goingOn.ask(() => api.goingOn(clock.now())).catch(() => false);
    if (line === null || line !== this.line) return;
    this.going = this.goingOn.list();
    if (deaf) line.again();
  }
}

export const alarms = new Alarms();
