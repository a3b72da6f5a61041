/** Footage as pieces for a source buffer, as they arrive. Times are ms since 1970. */

import { send, videoUrl } from '../api/client';
import { Problem } from '../api/problem';
import type { StreamName } from '../api/types';
import type { Span } from '../footage/causes';
import { resolved } from '../footage/clip';
import { ClipReader, type Piece } from './clip_reader';

/** Footage of some seconds comes at once, or the line is too slow to play it. */
const TIMEOUT_MS = 60_000;

export interface Asked {
  camera: string;
  stream: StreamName;
  span: Span;
  /** Media time 0 of the time line, ms since 1970. */
  epoch: number;
  sound: boolean;
  keysOnly: boolean;
}

/** Hands over each piece in turn; the answer is what was really given. Throws the recorder's `Problem`. */
export async function fetchClip(asked: Asked, hand: (piece: Piece) => Promise<void>, signal: AbortSignal): Promise<Span> {
  const { camera, stream, span, epoch, sound, keysOnly } = asked;
  const within = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const url = videoUrl(camera, stream, Math.floor(span.from), Math.ceil(span.to));
  const response = await send(url, { signal: within });
  const got = resolved(response.headers.get('Content-Location'), { url, ...span });
  const reader = new ClipReader({ origin: (got.from - epoch) / 1000, sound, keysOnly });
  const body = response.body?.getReader();
  if (!body) throw new Problem(0, 'garbled', 'no body');
  const handed = async (pieces: Piece[]): Promise<void> => {
    for (const piece of pieces) await hand(piece);
  };
  try {
    for (;;) {
      const { done, value } = await body.read();
      if (signal.aborted) throw signal.reason;
      if (done) break;
      await handed(reader.push(value));
    }
    await handed(reader.end((got.to - got.from) / 1000));
  } catch (error) {
    void body.cancel().catch(() => {});
    throw error;
  }
  return { from: got.from, to: got.to };
}
