/** What waits to be appended to a source buffer: bounded in bytes, joined into few appends. */

export interface Init {
  mime: string;
  bytes: Uint8Array;
}

export type Piece = { kind: 'init'; init: Init } | { kind: 'media'; bytes: Uint8Array<ArrayBuffer>; first: Uint8Array };

export class AppendQueue {
  private pieces: (Init | Uint8Array)[] = [];
  private waiting = 0;

  constructor(private readonly limit: number) {}

  get bytes(): number {
    return this.waiting;
  }

  /** A new time line begins. */
  begin(init: Init): void {
    this.pieces.push(init);
    this.waiting += init.bytes.byteLength;
  }

  /** False: full, the stream must begin anew at a random access point. */
  push(fragment: Uint8Array): boolean {
    if (this.waiting + fragment.byteLength > this.limit) return false;
    this.pieces.push(fragment);
    this.waiting += fragment.byteLength;
    return true;
  }

  /** The next init segment, or all fragments up to it as one. */
  take(): Piece | null {
    const first = this.pieces[0];
    if (first === undefined) return null;
    if (!(first instanceof Uint8Array)) {
      this.pieces.shift();
      this.waiting -= first.bytes.byteLength;
      return { kind: 'init', init: first };
    }
    const end = this.pieces.findIndex((piece) => !(piece instanceof Uint8Array));
    const taken = this.pieces.splice(0, end < 0 ? this.pieces.length : end) as Uint8Array[];
    const length = taken.reduce((sum, fragment) => sum + fragment.byteLength, 0);
    const bytes = new Uint8Array(length);
    let at = 0;
    for (const fragment of taken) {
      bytes.set(fragment, at);
      at += fragment.byteLength;
    }
    this.waiting -= length;
    return { kind: 'media', bytes, first };
  }

  clear(): void {
    this.pieces = [];
    this.waiting = 0;
  }
}
