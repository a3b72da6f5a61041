import { api } from '../api/client';
import type { Recordings, StreamName } from '../api/types';
import { clock } from './clock.svelte';

export const HOUR_MS = 3_600_000;
const POLL_MS = 5_000;

/** The last hour's footage of one stream, asked for again and again while it is seen. */
export class LastHour {
  /** `null` before the first answer. */
  recordings: Recordings | null = $state.raw(null);
  failed = $state(false);

  watch(camera: string, stream: StreamName): () => void {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async (): Promise<void> => {
      const now = clock.now();
      try {
        const recordings = await api.recordings(camera, stream, now - HOUR_MS, now + 1_000);
        if (stopped) return;
        this.recordings = recordings;
        this.failed = false;
      } catch {
        this.failed = true;
      }
      if (!stopped) timer = setTimeout(() => void ask(), POLL_MS);
    };
    void ask();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }
}
