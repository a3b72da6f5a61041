/** The live wall of this browser: what stands where, and what is looked at. It outlives its page, so that whoever comes back goes on. */

import { t } from '../messages';
import { recorder } from '../state/recorder.svelte';
import { session } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';
import { presets } from './kept.svelte';
import { fitting, layoutOf, type LayoutCount } from './layouts';
import { Meant } from './meant.svelte';
import { onPage, pagesOf, put, roomFor, single, swap, without, type Pane, type Panes, type Wish } from './panes';
import { json, parse, type Body, type WallBody } from './presets';
import { read, write, type Remembered } from './remembered';
import { begin, dueIn, pause, resume, step, tick, type Turns } from './turns';

/** A sequence under way: through presets, or through the pages of this wall. */
interface Tour {
  name: string;
  /** Ids of presets; `null`: pages. */
  stops: readonly string[] | null;
  turns: Turns;
}

class Wall {
  /** `null`: as many windows as there are cameras. */
  private chosen: LayoutCount | null = $state(null);
  private own: Panes = $state.raw([]);
  /** All cameras in their order, until somebody changes it. */
  follow = $state(true);
  /** Of every window that has none of its own. */
  wish: Wish = $state('auto');
  page = $state(0);
  /** What was moved, in words, for those who do not see it. */
  news = $state('');
  /** The preset that this wall came from. */
  preset: string | null = $state(null);
  /** It is not as the preset is any more. */
  edited = $state(false);
  tour: Tour | null = $state.raw(null);
  /** The sequence stands still because a window is looked at. */
  private heldForFull = false;
  private owner: string | null = null;
  /** Only looked at: nothing of it is remembered. */
  private passing = false;
  /** While only looked at it became another one. */
  private strayed = false;
  /** The pages' bars are away. */
  bare = $state(false);
  fullscreen = $state(false);
  /** The keys are being told. */
  help = $state(false);

  /** Asked for again and again, but seldom others: as text, equal answers change nothing. */
  private readonly ids = $derived(JSON.stringify((recorder.cameras ?? []).map(({ id }) => id)));
  private readonly cameras = $derived(JSON.parse(this.ids) as string[]);
  /** Every window of every page. */
  readonly panes: Panes = $derived(this.follow ? this.cameras.map(single) : without(this.own, new Set(this.cameras)));
  readonly count: LayoutCount = $derived(this.chosen ?? fitting(this.panes.length));
  readonly layout = $derived(layoutOf(this.count));
  readonly pages = $derived(pagesOf(this.panes, this.count));
  readonly windows = $derived(onPage(this.panes, this.count, Math.min(this.page, this.pages - 1)));
  /** The window that is seen alone. */
  readonly full = new Meant(() => this.windows);
  /** The window that is heard. */
  readonly loud = new Meant(() => this.windows);
  /** The window whose tools a finger has asked for. */
  readonly touched = new Meant(() => this.windows);
  private readonly chosenOne = new Meant(() => this.windows);
  /** The window that has the keys, by its place on the page. */
  readonly selected = $derived(this.chosenOne.place ?? this.chosenOne.chosenAt);
  private readonly first = $derived(Math.min(this.page, this.pages - 1) * this.count);
  /** Cameras that are seen on this page. */
  readonly seen: ReadonlySet<string> = $derived(new Set(this.windows.flatMap((pane) => pane?.cameras ?? [])));

  /** As it was left in this browser by whoever is signed in. */
  restore(passing: boolean): void {
    this.passing = passing;
    const name = session.user?.name ?? null;
    if (this.owner === name && (passing || !this.strayed)) return;
    // What somebody else had here is nobody else's.
    if (this.owner !== name) presets.forget();
    this.endTour();
    this.owner = name;
    this.take(read(name));
  }

  private take(kept: Remembered | null): void {
    const body = parse(kept?.['body']);
    this.show(body?.kind === 'wall' ? body : null);
    if (body && kept?.['auto'] === true) this.chosen = null;
    this.page = typeof kept?.['page'] === 'number' ? Math.max(0, kept['page']) : 0;
    this.preset = typeof kept?.['preset'] === 'string' ? kept['preset'] : null;
    this.edited = kept?.['edited'] === true;
    this.strayed = false;
  }

  body(): WallBody {
    return { kind: 'wall', count: this.count, panes: this.panes, wish: this.wish, follow: this.follow };
  }

  /** All that is remembered of it. */
  private kept(): Remembered {
    const { page, preset, edited } = this;
    // Cameras that are not known now may be in a moment, or come back.
    const body = this.follow ? this.body() : { ...this.body(), panes: this.own };
    return { body: json(body), auto: this.chosen === null, page, preset, edited };
  }

  private keep(): void {
    if (!this.passing) write(this.owner, this.kept());
  }

  /** Before another wall takes the place of this one, or of what stands in it: it can be had back for a while. */
  private leave(words: string): void {
    if (this.passing || this.panes.length === 0) return;
    const { owner } = this;
    const before = this.kept();
    const run = (): void => {
      if (this.owner !== owner || this.passing) return;
      this.endTour();
      this.take(before);
      this.keep();
    };
    toasts.show(words, 'good', { label: t.common.undo, run });
  }

  /** `null`: all cameras. */
  private show(body: WallBody | null): void {
    this.chosen = body?.count ?? null;
    this.follow = body?.follow ?? true;
    this.own = body?.panes ?? [];
    this.wish = body?.wish ?? 'auto';
    this.page = 0;
    for (const one of [this.full, this.loud, this.touched]) one.choose(null);
    this.select(0);
  }

  showAll(): void {
    if (this.edited) this.leave(t.wall.replaced);
    this.endTour();
    this.show(null);
    this.preset = null;
    this.edited = false;
    this.keep();
  }

  /** A preset, or a sequence of them. */
  recall(id: string, now: number): void {
    const found = presets.find(id);
    if (!found) return;
    if (found.body.kind === 'tour') return this.startTour(found.name, found.body.stops, found.body.dwellS, now);
    this.endTour();
    this.look(id, found.body);
  }

  private look(id: string, body: Body): void {
    if (body.kind !== 'wall') return;
    if (this.edited) this.leave(t.wall.replaced);
    this.strayed ||= this.passing;
    this.show(body);
    this.preset = id;
    this.edited = false;
    this.keep();
  }

  /** This wall has been saved under a name. */
  saved(id: string): void {
    this.preset = id;
    this.edited = false;
    this.keep();
  }

  private changed(panes: Panes): void {
    const { count } = this;
    this.own = panes;
    // The layout stays as it is seen, however many windows are filled now.
    this.chosen = count;
    this.follow = false;
    this.edited = true;
    this.page = Math.min(this.page, pagesOf(panes, count) - 1);
    this.keep();
  }

  split(count: LayoutCount): void {
    const at = this.first + this.selected;
    this.endTour();
    this.chosen = count;
    this.full.choose(null);
    this.page = Math.min(Math.floor(at / count), this.pages - 1);
    this.select(Math.min(at - this.page * count, count - 1));
    this.edited = true;
    this.keep();
  }

  select(place: number): void {
    this.chosenOne.choose(place);
  }

  put(window: number, pane: Pane | null): void {
    const { selected } = this;
    this.changed(put(this.panes, this.first + window, pane));
    // Nothing has moved, though its camera may stand elsewhere too.
    this.select(selected);
  }

  swap(from: number, to: number): void {
    this.changed(swap(this.panes, this.first + from, this.first + to));
    this.select(to);
  }

  /** The camera is given the chosen window if that is empty, else the first empty one; the answer is the window. */
  add(camera: string): number {
    const chosen = this.windows[this.selected] === null;
    const at = chosen ? this.first + this.selected : roomFor(this.panes, this.first);
    // A full page takes it into the chosen window.
    const window = at < this.first + this.count ? at - this.first : this.selected;
    this.put(window, single(camera));
    this.select(window);
    return window;
  }

  clear(): void {
    this.leave(t.wall.emptied);
    this.changed([]);
    this.page = 0;
    this.full.choose(null);
  }

  wishAll(wish: Wish): void {
    this.wish = wish;
    this.edited = true;
    this.keep();
  }

  turn(by: number): void {
    const { selected } = this;
    this.page = (Math.min(this.page, this.pages - 1) + by + this.pages) % this.pages;
    this.full.choose(null);
    this.loud.choose(null);
    this.select(selected);
    this.keep();
  }

  /** One window alone, or all of them again. A sequence waits meanwhile. */
  enlarge(window: number | null, now: number): void {
    this.full.choose(window);
    if (window !== null) this.select(window);
    if (!this.tour) return;
    if (window !== null && this.tour.turns.pausedAt === null) {
      this.heldForFull = true;
      this.tour = { ...this.tour, turns: pause(this.tour.turns, now) };
    } else if (window === null && this.heldForFull) {
      this.heldForFull = false;
      this.tour = { ...this.tour, turns: resume(this.tour.turns, now) };
    }
  }

  /** What was enlarged or heard has left the page. */
  forgetGone(now: number): void {
    this.loud.forgetGone();
    if (this.full.place === null) this.enlarge(null, now);
  }

  startTour(name: string, stops: readonly string[] | null, dwellS: number, now: number): void {
    const there = stops?.filter((id) => presets.find(id)?.body.kind === 'wall') ?? null;
    const count = there?.length ?? this.pages;
    if (count === 0) return;
    this.tour = { name, stops: there, turns: begin(count, dwellS * 1000, now, there ? 0 : this.page) };
    this.arrive();
  }

  endTour(): void {
    this.tour = null;
    this.heldForFull = false;
  }

  stepTour(by: number, now: number): void {
    if (!this.tour) return;
    this.tour = { ...this.tour, turns: step(this.tour.turns, by, now) };
    this.arrive();
  }

  pauseTour(now: number): void {
    if (!this.tour) return;
    const { turns } = this.tour;
    this.heldForFull = false;
    this.tour = { ...this.tour, turns: turns.pausedAt === null ? pause(turns, now) : resume(turns, now) };
  }

  /** Goes on where it is due; the answer is when to look again. */
  tickTour(now: number): number | null {
    if (!this.tour) return null;
    const turns = tick(this.tour.turns, now);
    if (turns !== this.tour.turns) {
      this.tour = { ...this.tour, turns };
      this.arrive();
    }
    return dueIn(turns, now);
  }

  private arrive(): void {
    if (!this.tour) return;
    const { stops, turns } = this.tour;
    const stop = stops?.[turns.at];
    const found = stop === undefined ? undefined : presets.find(stop);
    if (found) this.look(found.id, found.body);
    else if (stops === null) {
      this.page = Math.min(turns.at, this.pages - 1);
      this.full.choose(null);
    }
  }
}

export const wall = new Wall();
