import { pauseMs } from './backoff';
import { Connection } from './connection';
import { JpegSink } from './jpeg_sink';
import { silentMime, soundOf, startsOf, tracksOf, withoutTracks } from './mp4';
import { MseSink } from './mse_sink';
import { SoundTrial, type Unheard } from './sound';
import { playsMime } from './support';
import type { Surface } from './surface';

export type LiveState =
  | { phase: 'idle' }
  | { phase: 'connecting' }
  /** `sound`: the stream has some; `unheard`: which cannot be played, asked for or not. */
  | { phase: 'playing'; sound: boolean; unheard: Unheard | null }
  /** The recorder said why there is no picture; asked again soon. */
  | { phase: 'told'; code: string; detail: string }
  /** The line broke; connected anew soon. */
  | { phase: 'lost' }
  | { phase: 'unsupported'; mime: string };

/** After the recorder has said why there is nothing, it is asked again so late. */
const ASK_AGAIN_MS = 2_000;

/**
 * Shows one live stream on a surface until told otherwise: connects, decodes, keeps near the
 * live edge, connects again. Nothing of the network is used while it watches nothing.
 */
export class Player {
  private url: string | null = null;
  private sound = false;
  private connection: Connection | null = null;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private sink: MseSink | null = null;
  private jpeg: JpegSink | null = null;
  /** The MIME type whose init segment comes next. */
  private announced: string | null = null;
  private dropped: ReadonlySet<number> = new Set();
  /** The sound's codec; `null`: there is none. */
  private soundCodec: string | null = null;
  private unheard: Unheard | null = null;
  private trial = new SoundTrial();
  private told = false;
  private said: LiveState = { phase: 'idle' };

  constructor(
    private readonly surface: Surface,
    private readonly onState: (state: LiveState) => void,
  ) {
    window.addEventListener('online', this.online);
  }

  /** `null`: nothing; the last picture stays. Without `sound`, a stream's sound is not decoded. */
  watch(url: string | null, sound: boolean): void {
    if (url === this.url && sound === this.sound) return;
    this.stop();
    this.url = url;
    this.sound = sound;
    this.failures = 0;
    this.trial = new SoundTrial();
    if (url === null) this.say({ phase: 'idle' });
    else this.connect();
  }

  dispose(): void {
    window.removeEventListener('online', this.online);
    this.stop();
    this.url = null;
  }

  private readonly online = (): void => {
    if (this.url !== null && this.connection === null) this.connect();
  };

  private stop(): void {
    clearTimeout(this.retry);
    this.connection?.close();
    this.connection = null;
    this.endSinks();
  }

  private endSinks(): void {
    this.sink?.close();
    this.sink = null;
    this.jpeg?.close();
    this.jpeg = null;
  }

  private connect(): void {
    clearTimeout(this.retry);
    if (this.url === null) return;
    this.announced = null;
    this.told = false;
    this.say({ phase: 'connecting' });
    this.connection = new Connection(this.url, {
      onMime: (mime) => this.announce(mime),
      onBytes: (bytes) => this.receive(bytes),
      onError: (code, detail) => {
        this.told = true;
        this.say({ phase: 'told', code, detail });
      },
      onClose: () => this.reconnect(),
    });
  }

  private reconnect(): void {
    this.connection?.close();
    this.connection = null;
    if (!this.told) this.say({ phase: 'lost' });
    const pause = this.told ? ASK_AGAIN_MS : pauseMs(this.failures++, Math.random());
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.connect(), pause);
  }

  private announce(mime: string): void {
    if (mime === 'image/jpeg') {
      this.sink?.close();
      this.sink = null;
      this.soundCodec = null;
      this.unheard = null;
      this.jpeg ??= new JpegSink(this.surface, () => this.playing());
      return;
    }
    this.soundCodec = soundOf(mime);
    this.unheard = this.soundCodec === null ? null : this.reason(mime, this.soundCodec);
    const wanted = this.sounds ? mime : silentMime(mime);
    if (!playsMime(wanted)) {
      this.stop();
      this.say({ phase: 'unsupported', mime });
      return;
    }
    this.jpeg?.close();
    this.jpeg = null;
    this.announced = wanted;
  }

  private reason(mime: string, codec: string): Unheard | null {
    if (!playsMime(mime)) return { codec, why: 'codec' };
    return this.trial.guilty ? { codec, why: 'decoder' } : null;
  }

  /** The sound is decoded. */
  private get sounds(): boolean {
    return this.sound && this.unheard === null;
  }

  private receive(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.jpeg) return this.jpeg.push(bytes);
    if (this.announced !== null) {
      const mime = this.announced;
      this.announced = null;
      return this.begin(mime, bytes);
    }
    if (this.dropped.size > 0) {
      const starts = startsOf(bytes);
      if (starts.length > 0 && starts.every(({ track }) => this.dropped.has(track))) return;
    }
    this.sink?.push(bytes);
  }

  private begin(mime: string, init: Uint8Array<ArrayBuffer>): void {
    const tracks = tracksOf(init);
    const silenced = !this.sounds && tracks.some(({ kind }) => kind === 'video');
    this.dropped = new Set(silenced ? tracks.filter(({ kind }) => kind === 'audio').map(({ id }) => id) : []);
    const wanted = this.dropped.size > 0 ? withoutTracks(init, this.dropped) : init;
    if (this.sink) {
      // The picture goes on from the last connection or format without a break.
      this.playing();
    } else {
      this.sink = new MseSink(this.surface, {
        onPicture: () => this.playing(),
        onFailure: (failure) => {
          if (failure !== 'line' && this.soundCodec !== null) this.trial.fail(this.sounds, performance.now());
          this.endSinks();
          this.reconnect();
        },
      });
    }
    this.sink.begin(mime, wanted);
  }

  private playing(): void {
    this.failures = 0;
    const [sound, unheard] = [this.soundCodec !== null, this.unheard];
    const same = this.said.phase === 'playing' && this.said.sound === sound && this.said.unheard === unheard;
    if (!same) this.say({ phase: 'playing', sound, unheard });
  }

  private say(state: LiveState): void {
    this.said = state;
    this.onState(state);
  }
}
