/** Which pictures a video really presents, and when. Browsers without `requestVideoFrameCallback` say nothing: then its own clock is all there is. */

export class Presented {
  /** When the last picture was handed over, by `performance.now()`. */
  last = -Infinity;
  private asked = 0;

  /** `picture`: presented by the video's own clock so many ms of the viewer's time before its moment. */
  constructor(
    private readonly video: HTMLVideoElement,
    private readonly picture: (early: number) => void,
  ) {
    if ('requestVideoFrameCallback' in video) this.ask();
  }

  close(): void {
    if ('cancelVideoFrameCallback' in this.video) this.video.cancelVideoFrameCallback(this.asked);
  }

  private ask(): void {
    this.asked = this.video.requestVideoFrameCallback((_, { mediaTime, expectedDisplayTime }) => {
      const { video } = this;
      this.last = performance.now();
      if (!video.paused && !video.seeking) {
        const own = video.currentTime * 1000 + (expectedDisplayTime - this.last) * video.playbackRate;
        this.picture((mediaTime * 1000 - own) / video.playbackRate);
      }
      this.ask();
    });
  }
}
