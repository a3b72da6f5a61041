/** The recorder's news over a WebSocket, connected again for as long as somebody listens. */

import type { Happening } from '../api/alarms';
import { pauseMs } from '../live/backoff';

export interface LineHandlers {
  /** The line is there. What was told before is to be asked for; if that fails the line begins anew. */
  onOpen(): Promise<void>;
  onLost(): void;
  /** In the order in which they were told; many at once in a storm. */
  onEvents(events: Happening[]): void;
  /** The recorder could not tell some: they are to be asked for. */
  onMissed(): void;
}

/** A page is not asked to draw more often. */
const GATHER_MS = 200;
/** The recorder says something every 10 s: a line that is silent for longer is dead, whatever the browser thinks. */
const SILENT_MS = 25_000;

export class Line {
  private socket: WebSocket | null = null;
  private gathered: Happening[] = [];
  private flush: ReturnType<typeof setTimeout> | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(
    private readonly url: () => string,
    private readonly handlers: LineHandlers,
  ) {
    addEventListener('online', this.again);
    this.connect();
  }

  close(): void {
    removeEventListener('online', this.again);
    clearTimeout(this.flush);
    this.hangUp();
  }

  /** Connects anew: what is there is deaf, or waits for its turn. */
  readonly again = (): void => {
    if (this.socket?.readyState === WebSocket.OPEN) this.handlers.onLost();
    this.connect();
  };

  private hangUp(): void {
    clearTimeout(this.retry);
    clearTimeout(this.silence);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  private connect(): void {
    this.hangUp();
    const socket = new WebSocket(this.url());
    this.socket = socket;
    const lost = (): void => {
      if (this.socket !== socket) return;
      this.hangUp();
      this.handlers.onLost();
      this.retry = setTimeout(() => this.connect(), pauseMs(this.failures++, Math.random()));
    };
    const heard = (): void => {
      clearTimeout(this.silence);
      this.silence = setTimeout(lost, SILENT_MS);
    };
    heard();
    socket.onopen = () => {
      if (this.socket !== socket) return;
      heard();
      void this.handlers.onOpen().then(() => {
        if (this.socket === socket) this.failures = 0;
      }, lost);
    };
    socket.onclose = lost;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (this.socket !== socket) return;
      heard();
      this.receive(data);
    };
  }

  private receive(data: unknown): void {
    const told = parse(data);
    if (told === null) return;
    if ('missed' in told) return this.handlers.onMissed();
    this.gathered.push(told);
    this.flush ??= setTimeout(() => {
      this.flush = undefined;
      this.handlers.onEvents(this.gathered.splice(0));
    }, GATHER_MS);
  }
}

function parse(data: unknown): Happening | { missed: number } | null {
  try {
    const value: unknown = JSON.parse(String(data));
    if (typeof value !== 'object' || value === null) return null;
    if ('missed' in value || ('id' in value && 'kind' in value)) return value as Happening | { missed: number };
    return null;
  } catch {
    return null;
  }
}
