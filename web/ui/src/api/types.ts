/** The shapes of `/api/v1`, as the recorder's OpenAPI describes them. */

export type StreamName = 'main' | 'sub';

export type CameraState =
  | 'connecting'
  | 'live'
  | 'stalled'
  | 'offline'
  | 'refused'
  | 'misconfigured'
  | 'disabled';

/** Why footage was recorded. */
export type Cause = 'schedule' | 'manual' | 'motion' | 'sensor' | 'analytics';

/** Why footage is missing. */
export type GapCause =
  | 'camera_offline'
  | 'network'
  | 'stalled'
  | 'refused'
  | 'overload'
  | 'disk'
  | 'shutdown'
  | 'crash'
  | 'disabled'
  | 'clock';

export interface Stream {
  state: CameraState;
  error: string | null;
  /** `h264`, `h265`, `mjpeg`; null before the first picture */
  codec: string | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  bitrate_bps: number | null;
  /** `aac`, `opus`, `pcmu`, `pcma`; null without sound */
  audio: string | null;
}

export interface Camera {
  id: string;
  name: string;
  /** The main stream's. */
  state: CameraState;
  error: string | null;
  streams: Partial<Record<StreamName, Stream>>;
  /** Why it is recorded now; empty: it is not. */
  recording: Cause[];
  /** Why it is not recorded although it should be. */
  not_recording: string | null;
  motion: Motion;
}

export interface Motion {
  /** Pictures are looked at. */
  watching: boolean;
  moving: boolean;
  /** Pictures left out since the start because the machine was too slow. */
  skipped: number;
  /** Why it sees nothing although it should. */
  error: string | null;
}

/** Times are RFC 3339, UTC. */
export interface Recordings {
  segments: { start: string; end: string; bytes: number; causes: Cause[] }[];
  gaps: { start: string; end: string | null; cause: GapCause }[];
  /** What was recorded for one reason, to the second; `end` null: not over yet. */
  marks: { start: string; end: string | null; cause: Cause }[];
}


export interface SystemInfo {
  name: string;
  version: string;
  /** The recorder's clock. */
  now: string;
  /** Where the cameras are, e.g. `Europe/Paris`; older recorders do not say. */
  time_zone?: string | null;
  /** A demonstration. */
  demo?: boolean;
  disks: { id: string }[];
}
