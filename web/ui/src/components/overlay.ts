import type { Camera } from '../api/types';
import type { Choice } from '../live/choice';
import type { LiveState } from '../live/player';
import { t } from '../messages';
import { codecName } from '../messages/format';
import type { IconName } from './Icon.svelte';

/** What stands over a picture that is not live now, and why. */
export interface Overlay {
  icon: IconName | 'busy';
  title: string;
  /** The recorder's own words. */
  words?: string;
  /** What to do, or what happens by itself. */
  remedy?: string;
}

const ICONS = {
  connecting: 'busy',
  live: 'busy',
  stalled: 'clock',
  offline: 'offline',
  refused: 'lock',
  misconfigured: 'alert',
  disabled: 'power',
} as const;

export function liveOverlay(camera: Camera, choice: Choice, live: LiveState): Overlay | null {
  if (choice?.stream === null) {
    return { icon: 'alert', title: t.live.codec(codecName(choice.codec)), remedy: t.live.codecRemedy };
  }
  const stream = choice ? camera.streams[choice.stream] : undefined;
  const state = stream?.state ?? camera.state;
  if (state !== 'live') {
    return {
      icon: ICONS[state],
      title: t.camera.state[state],
      words: stream?.error ?? camera.error ?? '',
      remedy: t.camera.remedy[state],
    };
  }
  switch (live.phase) {
    case 'told':
      return { icon: 'busy', title: t.live.waiting, words: live.detail };
    case 'lost':
      return { icon: 'busy', title: t.live.lost };
    case 'connecting':
      return { icon: 'busy', title: t.live.connecting };
    case 'idle':
    case 'playing':
    case 'unsupported':
      return null;
  }
}

/** Why another stream is shown than the window would rather have. */
export function insteadNote(choice: Choice): string | null {
  if (!choice || choice.stream === null || !choice.instead) return null;
  const { reason, codec } = choice.instead;
  if (reason === 'down') return t.live.otherDown[choice.stream];
  return choice.stream === 'sub' ? t.live.codecSub(codecName(codec)) : t.live.codecMain(codecName(codec));
}
