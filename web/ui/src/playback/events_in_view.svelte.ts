/** Events of the timeline's window, asked for as it moves. */

import type { Happening } from '../api/alarms';
import { wordsOf } from '../api/problem';
import { cameraOf } from '../events/source';
import { kindWords, sourceWords } from '../events/words';
import type { Span } from '../footage/causes';
import { t } from '../messages';
import { Asked } from '../state/asked.svelte';
import { names } from '../state/names';
import { eventsIn, type EventsIn } from './events';
import { lengthOf } from './scale';
import type { Mark } from './tags';

/** The window is left alone for so long. */
const CALM_MS = 250;
/** What goes on is asked for again as often. */
const FRESH_MS = 10_000;

/** What is looked at. */
interface Looked {
  cameras: readonly string[];
  /** null: all */
  kind: string | null;
  view: Span;
  now: number;
}

export class EventsInView {
  private readonly asked = new Asked<EventsIn>(() => {
    const { cameras, kind, view } = this.looked();
    return eventsIn(cameras, kind, view.from, view.to);
  });
  /** Changes with the question. */
  private readonly key: string | null = $derived.by(() => {
    const { cameras, kind, view, now } = this.looked();
    const length = lengthOf(view);
    const grows = view.to > now ? Math.floor(now / FRESH_MS) : '';
    return cameras.length === 0 ? null : `${cameras.join()} ${Math.round((view.from / length) * 20)} ${Math.round(length)} ${kind} ${grows}`;
  });
  readonly marks: readonly (Mark & { grave: boolean })[] = $derived(
    (this.events ?? []).map((event) => ({
      id: event.id,
      time: Date.parse(event.start),
      camera: cameraOf(event),
      text: `${kindWords(event.kind)}, ${sourceWords(event.source, names)}`,
      grave: event.severity === 'alarm',
    })),
  );

  /** `looked`: read again and again, in effects. */
  constructor(private readonly looked: () => Looked) {}

  /** `null` before the first answer. */
  get events(): readonly Happening[] | null {
    return this.asked.value?.events ?? null;
  }

  get more(): boolean {
    return this.asked.value?.more ?? false;
  }

  get problem(): string {
    return this.asked.problem === null ? '' : t.replay.eventsFailed(wordsOf(this.asked.problem));
  }

  /** For an effect, which begins anew as the window moves. */
  watch(): (() => void) | undefined {
    return this.key === null ? undefined : this.asked.watch(CALM_MS);
  }
}
