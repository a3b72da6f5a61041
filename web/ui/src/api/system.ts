/** The recorder itself: its disks, its room, its tree of actors, its log. */

import { get, post } from './client';

export interface Device {
  looked_at: string;
  state: 'good' | 'warning' | 'failing' | 'unknown';
  reasons: string[];
  mount: { point: string; source: string; file_system: string; read_only: boolean; network: boolean } | null;
  smart: {
    device: string;
    state: string;
    model: string | null;
    serial: string | null;
    passed: boolean | null;
    temperature_celsius: number | null;
    power_on_hours: number | null;
    reallocated_sectors: number | null;
    percentage_used: number | null;
  }[];
}

export type DiskState =
  | 'ready'
  | 'online'
  | 'degraded'
  | 'full'
  | 'retired'
  | 'slow'
  | 'opening'
  | 'returning'
  | 'absent'
  | 'removed'
  | 'released'
  | 'foreign'
  | 'blank'
  | 'unmarked'
  | 'newer_format'
  | 'damaged'
  | 'duplicate'
  | 'read_only'
  | 'denied'
  | 'failed';

export type DiskCommand = 'create-folder' | 'prepare' | 'adopt' | 'retire' | 'release';

export interface Disk {
  disk: string;
  path: string;
  group: string;
  state: DiskState;
  error: string | null;
  cameras: number;
  /** Only of a disk that is in use. */
  total_bytes?: number;
  free_bytes?: number;
  footage_bytes?: number;
  device: Device | null;
}

export interface Info {
  name: string;
  version: string;
  recorder: string;
  started: string;
  now: string;
  clock_synchronised: boolean;
  /** IANA; null: the system's, which has no name; older recorders do not say. */
  time_zone?: string | null;
  cameras: number;
  rtsp: string;
  index: { state: string };
  /** Room for how many more cameras; null: not measured yet. */
  room: { cameras: number; limited_by: string; cpu_per_camera: number } | null;
  disks: Disk[];
  /** Older recorders do not tell. */
  links?: { name: string; up: boolean; addresses?: string[] }[];
}

export interface Capacity {
  group: string;
  disks: string[];
  absent: string[];
  usable_bytes: number;
  footage_bytes: number;
  bitrate_bps: number;
  streams: number;
  unmeasured: string[];
  days: number | null;
  full_at: string | null;
  needed_bytes: number | null;
}

export interface Actor {
  name: string;
  kind: string;
  state: 'starting' | 'running' | 'waiting' | 'parked' | 'stopped';
  generation: number;
  restarts: number;
  last_error: string | null;
  since: string;
  detail: unknown;
  children: Actor[];
}

export interface LogLine {
  id: number | string;
  at: string;
  level: string;
  target: string;
  text: string;
  fields: Record<string, unknown>;
}

export interface Extent {
  camera: string;
  stream: string;
  first: string;
  last: string;
  removed: boolean;
}

/** The recorder answers within 60 s, and goes on where it is not done by then. */
const DISK_MS = 90_000;

export const system = {
  info: () => get<Info>('/api/v1/system/info'),
  capacity: () => get<Capacity[]>('/api/v1/system/capacity'),
  /** What was done, in the recorder's words. `erased`: why the footage on it goes. */
  serve: async (disk: string, command: DiskCommand, erased?: string): Promise<string[]> =>
    (await post<{ text: string[] }>(`/api/v1/disks/${encodeURIComponent(disk)}/${command}`, erased === undefined ? {} : { erase: true, note: erased }, DISK_MS)).text,
  tree: () => get<Actor>('/api/v1/system/tree'),
  footage: () => get<Extent[]>('/api/v1/footage'),
  /** Newest first; `next`: ask for those before it. */
  log: (query: Record<string, string>) => get<{ lines: LogLine[]; next: number | string | null }>(`/api/v1/log?${new URLSearchParams(query).toString()}`),
};
