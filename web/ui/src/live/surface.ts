/**
 * Where one window's pictures appear: a video, and a canvas above it. The canvas shows Motion
 * JPEG, and holds the last picture while the video has none, so that nothing flashes.
 */
export class Surface {
  private waiting = 0;

  constructor(
    readonly video: HTMLVideoElement,
    readonly canvas: HTMLCanvasElement,
  ) {
    canvas.hidden = true;
  }

  /** Freezes what is seen now. */
  hold(): void {
    this.waiting += 1;
    if (!this.canvas.hidden || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    const { videoWidth, videoHeight } = this.video;
    if (videoWidth === 0) return;
    this.fit(videoWidth, videoHeight);
    this.canvas.getContext('2d')?.drawImage(this.video, 0, 0);
    this.canvas.hidden = false;
  }

  /** Lets the video be seen again with its next picture; `then` is called at that moment. */
  release(then: () => void = () => {}): void {
    const turn = ++this.waiting;
    const show = (): void => {
      if (turn !== this.waiting) return;
      this.canvas.hidden = true;
      then();
    };
    if ('requestVideoFrameCallback' in this.video) {
      this.video.requestVideoFrameCallback(show);
    } else {
      (this.video as HTMLVideoElement).addEventListener('timeupdate', show, { once: true });
    }
  }

  /** Shows a picture that is not the video's. */
  draw(picture: ImageBitmap): void {
    this.waiting += 1;
    this.fit(picture.width, picture.height);
    this.canvas.getContext('2d')?.drawImage(picture, 0, 0);
    this.canvas.hidden = false;
  }

  /** Takes away what the video plays. */
  empty(): void {
    this.hold();
    this.video.removeAttribute('src');
    this.video.load();
  }

  private fit(width: number, height: number): void {
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
  }
}
