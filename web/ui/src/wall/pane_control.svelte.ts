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
import { isZoomed, panned, WHOLE, zoomed, type Zoom } from './zoom';

const MIDDLE = { x: 0.5, y: 0.5 };
const ZOOM_STEP = 1.5;
const PAN_STEP = 0.15;

export class PaneControl {
  readonly view = new CameraWindow();
  readonly hand = new ByHand();
  zoom: Zoom = $state.raw(WHOLE);
  info = $state(false);
  saving = $state(false);
  /** Somebody looks at something of their own: what takes turns waits. */
  readonly held = $derived(this.view.playback !== null || isZoomed(this.zoom) || this.info || this.view.sound);

  zoomBy(by: number): void {
    this.zoom = zoomed(this.zoom, by, MIDDLE);
  }

  zoomIn = (): void => this.zoomBy(ZOOM_STEP);
  zoomOut = (): void => this.zoomBy(1 / ZOOM_STEP);
  zoomWhole = (): void => {
    this.zoom = WHOLE;
  };

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
    const run = this.actions(camera)[key];
    run?.();
    return run !== undefined;
  }

  private actions(camera: Camera): Record<string, (() => void) | undefined> {
    const { view } = this;
    const near = isZoomed(this.zoom);
    const pan = (x: number, y: number): (() => void) | undefined => (near ? () => (this.zoom = panned(this.zoom, { x, y })) : undefined);
    const recorded = view.playback !== null;
    return {
      ArrowLeft: pan(PAN_STEP, 0) ?? (recorded ? () => view.skip(camera, -10) : undefined),
      ArrowRight: pan(-PAN_STEP, 0) ?? (recorded ? () => view.skip(camera, 10) : undefined),
      ArrowUp: pan(0, PAN_STEP),
      ArrowDown: pan(0, -PAN_STEP),
      Escape: near ? this.zoomWhole : recorded ? () => view.toLive() : this.info ? () => (this.info = false) : undefined,
      ' ': recorded ? () => view.toggle() : undefined,
      '+': this.zoomIn,
      '=': this.zoomIn,
      '-': this.zoomOut,
      '0': this.zoomWhole,
      i: () => (this.info = !this.info),
      l: recorded ? () => view.toLive() : undefined,
      m: () => this.toggleSound(),
      p: () => this.replay(camera),
      r: session.mayRecord(camera.id) && camera.state !== 'disabled' ? () => void this.hand.press(camera) : undefined,
      s: () => void this.snapshot(camera),
    };
  }
}
