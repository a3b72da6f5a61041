import { liveUrl } from '../api/client';
import type { Camera, StreamName } from '../api/types';
import { ClipPlayer, type Playback } from '../footage/clip_player';
import { chooseFootage, chooseLive, type Choice, type WindowSize } from '../live/choice';
import { Player, type LiveState } from '../live/player';
import { playsFootage, playsLive } from '../live/support';
import type { Unheard } from '../live/sound';
import { Surface } from '../live/surface';
import { unheardWords } from '../messages/format';
import { clock } from './clock.svelte';
import { toasts } from './toasts.svelte';

export const SPEEDS = [0.5, 1, 2, 4, 8] as const;

/** One camera's window: what it shows, live or recorded, and how. */
export class CameraWindow {
  live: LiveState = $state.raw({ phase: 'idle' });
  /** `null`: live. */
  playback: Playback | null = $state.raw(null);
  sound = $state(false);
  speed = $state(1);
  /** Streams that turned out not to play here, by name and codec. */
  private unplayable: ReadonlySet<string> = $state.raw(new Set());
  /** Why there is nothing to hear though the stream has sound. */
  readonly unheard: Unheard | null = $derived(this.playback === null && this.live.phase === 'playing' ? this.live.unheard : null);
  private surface: Surface | null = null;
  private player: Player | null = null;
  private clip: ClipPlayer | null = null;
  /** Counts returns to live, so that whoever shows it live does so again. */
  private returns = $state(0);
  private watching: { name: StreamName; codec: string | null } | null = null;

  /** Gives the window its elements; the answer takes them away. */
  attach(video: HTMLVideoElement, canvas: HTMLCanvasElement): () => void {
    this.surface = new Surface(video, canvas);
    this.player = new Player(this.surface, (state) => this.onLive(state));
    return () => {
      this.player?.dispose();
      this.clip?.close();
    };
  }

  liveChoice(camera: Camera, size: WindowSize): Choice {
    return chooseLive(camera, size, (stream) => {
      const name = camera.streams.main === stream ? 'main' : 'sub';
      return playsLive(stream) && !this.unplayable.has(`${name} ${stream.codec}`);
    });
  }

  footageStream(camera: Camera): StreamName {
    return chooseFootage(camera, playsFootage)?.stream ?? 'main';
  }

  /** Shows this stream live, or (with `null`, or while footage plays) nothing. */
  watch(camera: Camera, name: StreamName | null): void {
    void this.returns;
    const stream = name === null || this.playback !== null ? undefined : camera.streams[name];
    const url = name !== null && stream?.state === 'live' ? liveUrl(camera.id, name) : null;
    this.watching = name && stream ? { name, codec: stream.codec } : null;
    this.player?.watch(url, this.sound);
  }

  /** Plays footage from `time` (ms since 1970). */
  play(camera: Camera, time: number): void {
    if (!this.surface) return;
    if (!this.clip) {
      this.player?.watch(null, this.sound);
      this.clip = new ClipPlayer(this.surface, camera.id, this.footageStream(camera), {
        onChange: (playback) => (this.playback = playback),
        onCaughtUp: () => this.toLive(),
        now: () => clock.now(),
      });
      this.clip.setSpeed(this.speed);
    }
    void this.clip.seek(time);
  }

  toLive(): void {
    this.clip?.close();
    this.clip = null;
    this.speed = 1;
    this.playback = null;
    this.returns += 1;
  }

  skip(camera: Camera, seconds: number): void {
    if (this.clip) this.clip.skip(seconds);
    else if (seconds < 0) this.play(camera, clock.now() + seconds * 1000);
  }

  /** Where it cannot be played, that is said; and it is tried anew when it is asked for again. */
  toggleSound(): void {
    if (this.unheard) toasts.show(unheardWords(this.unheard), 'bad');
    this.sound = this.unheard === null && !this.sound;
  }

  toggle(): void {
    this.clip?.toggle();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.clip?.setSpeed(speed);
  }

  private onLive(state: LiveState): void {
    this.live = state;
    if (state.phase === 'unsupported' && this.watching) {
      this.unplayable = new Set([...this.unplayable, `${this.watching.name} ${this.watching.codec}`]);
    }
  }
}
