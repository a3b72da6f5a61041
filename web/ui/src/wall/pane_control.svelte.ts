/** What can be done with one camera's picture on the wall, by button or by key. */

import { wordsOf } from '../api/problem';
import type { Camera, StreamName } from '../api/types';
import { t } from '../messages';
import { ByHand } from '../state/by_hand.svelte';
import { CameraWindow } from '../state/camera_window.svelte';
import { clock } from '../state/clock.svelte';
import { session } from '../state/session.svelte';
import { toasts } from '../state/toasts.svelte';
import { habits } from './settings.svelte';
import { saveSnapshot } from './snapshot';
import { Zooming } from './zooming.svelte';

export class PaneControl {
  readonly view = new CameraWindow();
  readonly hand = new ByHand();
  readonly zooming = new Zooming();
  info = $state(false);
  saving = $state(false);
  /** Somebody looks at something of their own: what takes turns waits. */
  readonly held = $derived(this.view.playback !== null || this.zooming.near || this.info || this.view.sound);

  replay(camera: Camera): void {
    this.view.play(camera, clock.now() - habits.replayMinutes * 60_000);
  }

  toggleSound(): void {
    this.view.toggleSound();
  }

  async snapshot(camera: Camera): Promise<void> {
    if (this.saving) return;
    this.saving = true;
    const { playback } = this.view;
    const stream: StreamName = playback || camera.streams.main?.state === 'live' || !camera.streams.sub ? 'main' : 'sub';
    try {
      await saveSnapshot(camera, stream, playback?.time ?? null, clock.now());
    } catch (error) {
      toasts.show(t.wall.tool.snapshotFailed(wordsOf(error)), 'bad');
    }
    this.saving = false;
  }

  /** True where the key meant something here. */
  key(key: string, camera: Camera): boolean {
    const run = this.zooming.action(key) ?? this.actions(camera)[key];
    run?.();
    return run !== undefined;
  }

  private actions(camera: Camera): Record<string, (() => void) | undefined> {
    const { view } = this;
    const recorded = view.playback !== null;
    return {
      ArrowLeft: recorded ? () => view.skip(camera, -10) : undefined,
      ArrowRight: recorded ? () => view.skip(camera, 10) : undefined,
      Escape: recorded ? () => view.toLive() : this.info ? () => (this.info = false) : undefined,
      ' ': recorded ? () => view.toggle() : undefined,
      i: () => (this.info = !this.info),
      l: recorded ? () => view.toLive() : undefined,
      m: () => this.toggleSound(),
      p: () => this.replay(camera),
      r: session.mayRecord(camera.id) && camera.state !== 'disabled' ? () => void this.hand.press(camera) : undefined,
      s: () => void this.snapshot(camera),
    };
  }
}
