/** Which streams a window of a playback shows, and how much of them is decoded. Pure. */

import type { Camera, Stream, StreamName } from '../api/types';

/** So many windows at once show sub-streams, however large they are. */
const MAIN_AT_MOST = 4;
/** A window this much wider than the sub-stream shows the main one. */
const STRETCH = 1.4;
/** Pixels a second that two cores without a graphics card decode. */
const BUDGET = 200e6;

/** The better first; where nothing was recorded of it, the next. `width`: of the window, in device pixels. */
export function replayStreams(camera: Camera, width: number, windows: number, plays: (stream: Stream) => boolean): StreamName[] {
  const sub = camera.streams.sub;
  const large = windows === 1 || (windows <= MAIN_AT_MOST && width > (sub?.width ?? 640) * STRETCH);
  const order: StreamName[] = large ? ['main', 'sub'] : ['sub', 'main'];
  const there = order.filter((name) => camera.streams[name]);
  const playable = there.filter((name) => plays(camera.streams[name]!));
  return playable.length > 0 ? playable : there;
}

/** Whether only pictures that are decoded by themselves are played, or there would be too many. */
export function tooMuch(streams: readonly (Stream | undefined)[], speed: number): boolean {
  const pixels = streams.reduce((sum, stream) => sum + (stream?.width ?? 640) * (stream?.height ?? 360) * (stream?.fps ?? 25), 0);
  return speed > 1 && pixels * speed > BUDGET;
}

export const SPEEDS = [0.125, 0.25, 0.5, 1, 2, 4, 8, 16] as const;

/** As fractions are written. */
export const speedName = (speed: number): string => (speed < 1 ? `1/${Math.round(1 / speed)}` : String(speed));

/** In how many columns so many pictures are largest on a stage of this size. */
export function columnsFor(count: number, width: number, height: number): number {
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const size = Math.min(width / columns, (height / Math.ceil(count / columns)) * (16 / 9));
    if (size > best.size * 1.001) best = { columns, size };
  }
  return best.columns;
}
