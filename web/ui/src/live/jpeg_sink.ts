import type { Surface } from './surface';

/** Motion JPEG on a canvas. One picture is decoded at a time; of those that wait, the newest. */
export class JpegSink {
  private next: Uint8Array<ArrayBuffer> | null = null;
  private decoding = false;
  private closed = false;

  constructor(
    private readonly surface: Surface,
    private readonly onPicture: () => void,
  ) {}

  push(jpeg: Uint8Array<ArrayBuffer>): void {
    this.next = jpeg;
    if (!this.decoding) void this.decode();
  }

  close(): void {
    this.closed = true;
    this.next = null;
  }

  private async decode(): Promise<void> {
    this.decoding = true;
    while (this.next) {
      const blob = new Blob([this.next], { type: 'image/jpeg' });
      this.next = null;
      const picture = await createImageBitmap(blob).catch(() => null);
      if (picture && !this.closed) {
        this.surface.draw(picture);
        this.onPicture();
      }
      picture?.close();
    }
    this.decoding = false;
  }
}
