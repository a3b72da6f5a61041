/** Which stream of a camera a window shows, and why it is not the one it would rather have. */

import type { Camera, Stream, StreamName } from '../api/types';

export type WindowSize = 'small' | 'large';

export type Choice =
  | { stream: StreamName; instead: null }
  /** The other one would have been better, but … */
  | { stream: StreamName; instead: { reason: 'codec' | 'down'; codec: string } }
  /** This browser decodes none of them. */
  | { stream: null; codec: string }
  | null;

/** Small windows take the sub-stream, a camera opened large its main stream. */
export function chooseLive(camera: Camera, size: WindowSize, plays: (stream: Stream) => boolean): Choice {
  return choose(camera, size === 'small' ? ['sub', 'main'] : ['main', 'sub'], plays, true);
}

/** Footage is looked at in full size where the browser can. */
export function chooseFootage(camera: Camera, plays: (stream: Stream) => boolean): Choice {
  return choose(camera, ['main', 'sub'], plays, false);
}

function choose(
  camera: Camera,
  order: StreamName[],
  plays: (stream: Stream) => boolean,
  live: boolean,
): Choice {
  const present = order.flatMap((name) => {
    const stream = camera.streams[name];
    return stream ? [{ name, stream }] : [];
  });
  const first = present[0];
  if (!first) return null;
  const playable = present.filter(({ stream }) => plays(stream));
  const best = live
    ? (playable.find(({ stream }) => stream.state === 'live') ?? playable[0])
    : playable[0];
  if (!best) return { stream: null, codec: first.stream.codec ?? '' };
  if (best.name === first.name) return { stream: best.name, instead: null };
  const reason = plays(first.stream) ? 'down' : 'codec';
  return { stream: best.name, instead: { reason, codec: first.stream.codec ?? '' } };
}
