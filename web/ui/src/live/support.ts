/** What this browser decodes. */

import type { Stream } from '../api/types';

type SourceClass = typeof MediaSource;

declare global {
  interface Window {
    /** Safari on iPhone has only this one; it tells of `startstreaming` and `endstreaming` besides. */
    ManagedMediaSource?: SourceClass;
  }
}

export function mediaSourceClass(): SourceClass | null {
  if (typeof window === 'undefined') return null;
  const { MediaSource, ManagedMediaSource } = window as Partial<Window & typeof globalThis>;
  return MediaSource ?? ManagedMediaSource ?? null;
}

export function playsMime(mime: string): boolean {
  return mediaSourceClass()?.isTypeSupported(mime) ?? false;
}

/** One profile and level of each codec that any decoder of it has. */
const SAMPLE: Record<string, string> = {
  h264: 'video/mp4; codecs="avc1.42E01E"',
  h265: 'video/mp4; codecs="hvc1.1.6.L93.B0"',
};

/** Known before connecting; a codec that is not named yet counts as playable. */
export function playsLive(stream: Stream): boolean {
  const sample = SAMPLE[stream.codec ?? ''];
  return sample === undefined || playsMime(sample);
}

/** No browser plays Motion JPEG inside MP4. */
export function playsFootage(stream: Stream): boolean {
  return stream.codec !== 'mjpeg' && playsLive(stream);
}
