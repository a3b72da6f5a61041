import type { Happening } from '../api/alarms';
import { cameraOf } from '../events/source';
import { add, isNews, prolong, rest, wants, type Popup } from '../events/popups';
import { alarms } from './alarms.svelte';
import { clock } from './clock.svelte';

/** A live view stays for as long after its event is over. */
const VIDEO_STAYS_MS = 30_000;
const MOST_VIDEOS = 8;
const MOST_REMEMBERED = 5_000;
/** When the newest one began that this tab has shown: what was closed stays so when the page is loaded again. */
const SHOWN_UNTIL = 'vigie.popups_until';

export interface PoppedVideo {
  camera: string;
  event: Happening;
  /** ms since 1970; `null`: the event goes on. */
  until: number | null;
}

/** Messages and live views that events show by themselves. */
class Popups {
  messages: readonly Popup[] = $state.raw([]);
  /** The newest first. */
  videos: readonly PoppedVideo[] = $state.raw([]);
  /** Somebody reads the messages: none goes meanwhile. */
  held = $state(false);
  private readonly shown = new Set<string>();
  /** ms since 1970. */
  private shownBefore = 0;

  start(): () => void {
    this.shownBefore = Number(sessionStorage.getItem(SHOWN_UNTIL));
    const stop = alarms.listen((events, caughtUp) => this.take(events, caughtUp));
    const timer = setInterval(() => this.tidy(), 500);
    return () => {
      stop();
      clearInterval(timer);
      this.messages = [];
      this.videos = [];
      this.held = false;
      this.shown.clear();
    };
  }

  dismiss(key: string): void {
    this.messages = this.messages.filter((popup) => popup.key !== key);
    // Nobody leaves a list that is gone.
    if (this.messages.length === 0) this.held = false;
  }

  dismissAll(): void {
    this.messages = [];
    this.held = false;
  }

  release(): void {
    this.held = false;
    this.messages = prolong(this.messages, clock.now());
  }

  closeVideos(): void {
    this.videos = [];
  }

  showFirst(camera: string): void {
    const first = this.videos.filter((video) => video.camera === camera);
    this.videos = [...first, ...this.videos.filter((video) => video.camera !== camera)];
  }

  private take(events: readonly Happening[], caughtUp: boolean): void {
    const now = clock.now();
    const fresh = events.filter((event) => {
      if (this.shown.has(event.id) || !(wants(event, 'popup_message') || wants(event, 'popup_video'))) return false;
      this.remember(event.id);
      return isNews(event, caughtUp, this.shownBefore, now);
    });
    if (fresh.length > 0) {
      const newest = Math.max(...fresh.map(({ start }) => Date.parse(start)));
      const before = Number(sessionStorage.getItem(SHOWN_UNTIL));
      // What lies ahead is of before the recorder's clock was set back.
      sessionStorage.setItem(SHOWN_UNTIL, String(before > now ? newest : Math.max(newest, before)));
    }
    const messages = fresh.filter((event) => wants(event, 'popup_message'));
    if (messages.length > 0) this.messages = add(this.messages, messages, now);
    for (const event of fresh) this.show(event, now);
  }

  private show(event: Happening, now: number): void {
    const cameras = event.actions.flatMap(({ what, target }) => (what === 'popup_video' && target !== null ? [target] : []));
    if (cameras.length === 0) return;
    const until = event.end === null ? null : now + VIDEO_STAYS_MS;
    const own = cameraOf(event);
    // An event's own camera is what one wants to see of it.
    const first = [...cameras].sort((a, b) => Number(b === own) - Number(a === own));
    const others = this.videos.filter(({ camera }) => !cameras.includes(camera));
    this.videos = [...first.map((camera) => ({ camera, event, until })), ...others].slice(0, MOST_VIDEOS);
  }

  private remember(id: string): void {
    this.shown.add(id);
    const [oldest] = this.shown;
    if (this.shown.size > MOST_REMEMBERED && oldest !== undefined) this.shown.delete(oldest);
  }

  private tidy(): void {
    const now = clock.now();
    if (!this.held) this.messages = rest(this.messages, now);
    if (this.videos.length === 0) return;
    const going = new Set(alarms.going.map(({ id }) => id));
    // From when its event is over a live view stays for a while.
    const timed = this.videos.map((video) =>
      video.until === null && !going.has(video.event.id) ? { ...video, until: now + VIDEO_STAYS_MS } : video,
    );
    this.videos = timed.filter(({ until }) => until === null || until > now);
  }
}

export const popups = new Popups();
