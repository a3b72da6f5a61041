/** One WebSocket of a live stream, read as the recorder's contract says. */

export interface ConnectionHandlers {
  /** What follows: `image/jpeg`, or MP4 whose next message is its init segment. */
  onMime(mime: string): void;
  onBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** The recorder's last words; the end follows. */
  onError(code: string, detail: string): void;
  onClose(): void;
}

/** The recorder speaks at least this often, or the line is dead. */
const SILENT_MS = 12_000;

export class Connection {
  private readonly socket: WebSocket;
  private silence: ReturnType<typeof setTimeout> | undefined;
  /** When it last spoke, by `performance.now()`. */
  private heard = performance.now();
  private closed = false;

  constructor(
    url: string,
    private readonly handlers: ConnectionHandlers,
  ) {
    this.socket = new WebSocket(url);
    this.socket.binaryType = 'arraybuffer';
    this.socket.onmessage = ({ data }: MessageEvent<unknown>) => this.receive(data);
    this.socket.onclose = () => this.end();
    this.watch(SILENT_MS);
  }

  /** Nothing is called any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.silence);
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
  }

  private end(): void {
    if (this.closed) return;
    this.close();
    this.handlers.onClose();
  }

  /** One timer for many messages: it looks again when the line could have been silent for long enough. */
  private watch(ms: number): void {
    this.silence = setTimeout(() => {
      const rest = this.heard + SILENT_MS - performance.now();
      if (rest <= 0) this.end();
      else this.watch(rest);
    }, ms);
  }

  private receive(data: unknown): void {
    this.heard = performance.now();
    if (data instanceof ArrayBuffer) return this.handlers.onBytes(new Uint8Array(data));
    const message = parse(data);
    if (typeof message['mime'] === 'string') this.handlers.onMime(message['mime']);
    else if (typeof message['code'] === 'string')
      this.handlers.onError(message['code'], typeof message['detail'] === 'string' ? message['detail'] : '');
  }
}

function parse(data: unknown): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(String(data));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
