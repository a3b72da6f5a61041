/** Trying an address before it is saved: what a camera sends. */

import { post } from './client';

export interface Probe {
  url: string;
  username?: string;
  password?: string;
  transport?: string;
  /** Its stored password is used when none is given. */
  camera?: string;
}

export type Probed =
  | {
      ok: true;
      first_picture_ms: number;
      streams: {
        video: { codec: string; width: number; height: number; fps: number | null; bitrate_bps: number | null };
        audio: { codec: string; rate: number; channels: number } | null;
      };
      clock_offset_ms: number | null;
      /** JPEG, base64. */
      picture: string | null;
      plays_in_browsers: boolean;
    }
  | { ok: false; kind: string; detail: string };

/** The recorder tries for 15 s at most. */
const PROBE_MS = 25_000;

export const probe = (what: Probe): Promise<Probed> => post<Probed>('/api/v1/probe', what, PROBE_MS);
