/** Requests to the recorder that served this page, and to nobody else. */

import { at } from './base';
import { Problem } from './problem';
import type { SessionBody } from './accounts';
import { uploading } from './upload';
import type { Camera, Recordings, StreamName, SystemInfo } from './types';

const TIMEOUT_MS = 10_000;
/** What changes something is answered when it is written down, for which the recorder takes 10 s at most. */
const CHANGE_MS = 20_000;

/** What asks for the own password once more. */
const OWN_PASSWORD = /^\/api\/v1\/(session\/(password|second-factor)|factory-reset)$/;

/** Called when the recorder says that nobody is signed in. */
let signedOut: () => void = () => {};

export function onSignedOut(handler: () => void): void {
  signedOut = handler;
}

/** Requests under way; while signing out none is begun, and none outlives the session. */
const underWay = new Set<AbortController>();
let leaving = false;

type Carry = (url: string, init: RequestInit) => Promise<Response>;

export async function send(path: string, init: RequestInit = {}, carry: Carry = fetch): Promise<Response> {
  if (leaving) throw new Problem(0, 'given_up', 'signing out');
  const controller = new AbortController();
  const signal = init.signal ?? AbortSignal.timeout(init.method === undefined ? TIMEOUT_MS : CHANGE_MS);
  if (signal.aborted) controller.abort(signal.reason);
  signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  underWay.add(controller);
  const response = await carry(at(path), { credentials: 'same-origin', cache: 'no-store', ...init, signal: controller.signal })
    .catch((cause: unknown) => {
      throw Problem.from(cause);
    })
    .finally(() => underWay.delete(controller));
  if (response.ok) return response;
  const problem = await Problem.of(response);
  // A wrong password within the session does not end it.
  if (problem.status === 401 && !OWN_PASSWORD.test(path)) signedOut();
  throw problem;
}

export async function get<T>(path: string): Promise<T> {
  const response = await send(path);
  return (await response.json()) as T;
}

export async function post<T>(path: string, body: unknown, timeoutMs = CHANGE_MS): Promise<T> {
  const response = await send(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return (await response.json()) as T;
}

export interface Change {
  /** On top of the body's. */
  headers?: Record<string, string>;
  /** It is sent even if the page is left at once; for small bodies. */
  outliving?: boolean;
  timeoutMs?: number;
  /** Told how much of the body is sent, 0 to 1. */
  progress?: (share: number) => void;
}

/** Whatever is not read and not made anew. */
export async function change<T>(method: 'PUT' | 'DELETE' | 'POST', path: string, body?: unknown, { headers = {}, outliving = false, timeoutMs = CHANGE_MS, progress }: Change = {}): Promise<T> {
  const response = await send(path, {
    method,
    keepalive: outliving,
    signal: AbortSignal.timeout(timeoutMs),
    headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }, progress && uploading(progress));
  return (response.status === 204 ? undefined : await response.json()) as T;
}

export const camera = (id: string): string => `/api/v1/cameras/${encodeURIComponent(id)}`;

export const api = {
  session: () => get<SessionBody>('/api/v1/session'),

  signIn: (credentials: { name: string; password: string; code?: string; stay?: boolean }) => post<SessionBody>('/api/v1/session', credentials),

  async signOut(): Promise<void> {
    underWay.forEach((request) => request.abort());
    const ended = send('/api/v1/session', { method: 'DELETE' });
    leaving = true;
    await ended.finally(() => (leaving = false));
  },

  cameras: () => get<Camera[]>('/api/v1/cameras'),

  info: () => get<SystemInfo>('/api/v1/system/info'),

  /** `from` and `to` in ms since 1970. */
  recordings(id: string, stream: StreamName, from: number, to: number): Promise<Recordings> {
    const query = new URLSearchParams({ camera: id, stream, from: rfc3339(from), to: rfc3339(to) });
    return get<Recordings>(`/api/v1/recordings?${query.toString()}`);
  },
};

/** Where a stream is watched live (WebSocket). */
export const liveUrl = (id: string, stream: StreamName): string => socketUrl(`${camera(id)}/live?stream=${stream}`);

export function socketUrl(path: string): string {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}${at(path)}`;
}

/** Where footage of `[from, to)` is, in ms since 1970; a path of the recorder's. */
export function videoUrl(id: string, stream: StreamName, from: number, to: number): string {
  const query = new URLSearchParams({ stream, from: rfc3339(from), to: rfc3339(to) });
  return `${camera(id)}/video.mp4?${query.toString()}`;
}

export function rfc3339(ms: number): string {
  return new Date(ms).toISOString();
}
