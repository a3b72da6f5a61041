/** Events of the timeline's window, asked for as it moves. */

import type { Happening } from '../api/alarms';
import { wordsOf } from '../api/problem';
import { cameraOf } from '../events/source';
import { kindWords, sourceWords } from '../events/words';
import type { Span } from '../footage/causes';
import { t } from '../messages';
import { names } from '../state/names';
import { eventsIn } from './events';
import { lengthOf } from './scale';
import type { Mark } from './tags';

/** The window is left alone for so long. */
const CALM_MS = 250;
/** What goes on is asked for again as often. */
const FRESH_MS = 10_000;

export class EventsInView {
  /** `null` before the first answer. */
  events = $state.raw<readonly Happening[] | null>(null);
  more = $state(false);
  problem = $state('');
  readonly marks: readonly (Mark & { grave: boolean })[] = $derived(
    (this.events ?? []).map((event) => ({
      id: event.id,
      time: Date.parse(event.start),
      camera: cameraOf(event),
      text: `${kindWords(event.kind)}, ${sourceWords(event.source, names)}`,
      grave: event.severity === 'alarm',
    })),
  );
  private last = '';

  /** What it gives back calls it off. */
  want(cameras: readonly string[], kind: string | null, view: Span, now: number): (() => void) | undefined {
    const length = lengthOf(view);
    const grows = view.to > now ? Math.floor(now / FRESH_MS) : '';
    const key = `${cameras.join()} ${Math.round((view.from / length) * 20)} ${Math.round(length)} ${kind} ${grows}`;
    if (cameras.length === 0 || key === this.last) return undefined;
    const timer = setTimeout(() => {
      this.last = key;
      eventsIn(cameras, kind, view.from, view.to).then(
        ({ events, more }) => {
          if (this.last === key) [this.events, this.more, this.problem] = [events, more, ''];
        },
        (error: unknown) => (this.problem = t.replay.eventsFailed(wordsOf(error))),
      );
    }, CALM_MS);
    return () => clearTimeout(timer);
  }
}
