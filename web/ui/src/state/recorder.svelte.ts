import { api } from '../api/client';
import type { Camera, SystemInfo } from '../api/types';
import { clock } from './clock.svelte';
import { site } from './zone.svelte';

const POLL_MS = 2_000;
/** The recorder's clock may be set, and so may this machine's: compared as often. */
const CLOCK_MS = 60_000;

/** The recorder and its cameras as they are now, asked for while the page is seen. */
class Recorder {
  /** `null` before the first answer. */
  cameras: Camera[] | null = $state.raw(null);
  info: SystemInfo | null = $state.raw(null);
  reachable = $state(true);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  private failures = 0;
  /** By `performance.now()`, which nobody sets. */
  private introduced = 0;

  start(): () => void {
    this.running = true;
    const seen = (): void => {
      if (!document.hidden) void this.poll();
    };
    document.addEventListener('visibilitychange', seen);
    void this.poll();
    return () => {
      this.running = false;
      clearTimeout(this.timer);
      document.removeEventListener('visibilitychange', seen);
      this.cameras = null;
      this.info = null;
      this.reachable = true;
    };
  }

  private async poll(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const due = performance.now() - this.introduced >= CLOCK_MS;
      if (this.info === null || !this.reachable || due) await this.introduce();
      const cameras = await api.cameras();
      if (!this.running) return;
      this.cameras = cameras;
      this.failures = 0;
      this.reachable = true;
    } catch {
      // One answer may be late; two in a row mean that nobody is there.
      this.failures += 1;
      if (this.failures > 1) this.reachable = false;
    }
    clearTimeout(this.timer);
    if (this.running && !document.hidden) this.timer = setTimeout(() => void this.poll(), POLL_MS);
  }

  private async introduce(): Promise<void> {
    const asked = Date.now();
    const info = await api.info();
    clock.set(Date.parse(info.now), asked, Date.now());
    this.introduced = performance.now();
    if (!this.running) return;
    site.set(info.time_zone);
    this.info = info;
  }
}

export const recorder = new Recorder();
