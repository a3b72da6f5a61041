/** Pictures of the moments under a pointer: few at a time, the latest first, kept for a while. */

import { send } from '../api/client';
import { momentUrl } from '../api/snapshots';
import type { Camera } from '../api/types';

const MOST_KEPT = 80;
const PAUSE_MS = 120;

export class Previews {
  private readonly kept = new Map<string, string>();
  private asking: { key: string; stop: AbortController } | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next: { key: string; camera: Camera; time: number } | null = null;

  constructor(private readonly onPicture: (url: string | null) => void) {}

  /** `grain`: moments this near, in ms, share a picture. */
  want(camera: Camera, time: number, grain: number): void {
    const at = Math.floor(time / grain) * grain;
    const key = `${camera.id} ${at}`;
    const known = this.kept.get(key);
    if (known !== undefined) {
      this.next = null;
      this.onPicture(known);
      return;
    }
    if (this.asking?.key === key) return;
    this.next = { key, camera, time: at };
    this.timer ??= setTimeout(() => this.ask(), this.asking ? PAUSE_MS : 30);
  }

  /** Nothing is pointed at any more. */
  rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.next = null;
    this.asking?.stop.abort();
    this.asking = null;
  }

  close(): void {
    this.rest();
    for (const url of this.kept.values()) URL.revokeObjectURL(url);
    this.kept.clear();
  }

  private ask(): void {
    this.timer = undefined;
    const { next } = this;
    if (!next) return;
    this.asking?.stop.abort();
    const stop = new AbortController();
    this.asking = { key: next.key, stop };
    this.fetch(next, stop.signal).catch(() => {
      if (!stop.signal.aborted) this.onPicture(null);
    });
  }

  private async fetch({ key, camera, time }: { key: string; camera: Camera; time: number }, stop: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(8_000)]);
    const picture = (stream: 'main' | 'sub'): Promise<Response> => send(momentUrl(camera.id, stream, time, 320), { signal, cache: 'default' });
    // Small cameras have no sub-stream, or it is not recorded.
    const response = await (camera.streams.sub ? picture('sub').catch(() => picture('main')) : picture('main'));
    const url = URL.createObjectURL(await response.blob());
    this.kept.set(key, url);
    for (const old of [...this.kept.keys()].slice(0, Math.max(0, this.kept.size - MOST_KEPT))) {
      URL.revokeObjectURL(this.kept.get(old) ?? '');
      this.kept.delete(old);
    }
    if (!stop.aborted) {
      this.asking = null;
      this.onPicture(url);
    }
  }
}
