/** Events, alarm inputs and outputs, recording by hand: their shapes and requests. */

import { camera, get, post, rfc3339, send, socketUrl } from './client';

export type Severity = 'info' | 'warning' | 'alarm';

/** `planned`: to be done, or being tried again. */
export type ActionState = 'planned' | 'done' | 'failed' | 'expired' | 'merged';

export interface Action {
  /** The rule that wants it; null: the camera's own recording. */
  rule: string | null;
  /** `record`, `snapshot`, `output`, `buzzer`, `popup_video`, `popup_message`, `email`, `push`, or what a newer recorder does. */
  what: string;
  target: string | null;
  state: ActionState;
  at: string | null;
  /** Why, where it was not done. */
  detail: string | null;
}

/** Something that happened. Times are RFC 3339, UTC. */
export interface Happening {
  id: string;
  /** One of the catalogue's kinds, or what a newer recorder tells of. */
  kind: string;
  /** `house`, `camera:gate`, `stream:gate/main`, `disk:d1`, `input:door`, `output:siren` */
  source: string;
  start: string;
  /** null: it goes on; the start itself: it was a moment. */
  end: string | null;
  severity: Severity;
  text: string;
  payload: Record<string, unknown> | null;
  actions: Action[];
}

/** Newest first. */
export interface EventsPage {
  events: Happening[];
  /** There are more: ask for those before this one. */
  next: string | null;
}

export interface Input {
  id: string;
  name: string;
  enabled: boolean;
  kind: string;
  active: boolean;
  /** When it last changed; null: not since the recorder's start. */
  since: string | null;
  /** Why it is not heard; told to administrators only. */
  error: string | null;
}

export interface Buzzer {
  /** `sound`, `pc_speaker`, `gpio`; null: the recorder has none. */
  kind: string | null;
  /** It is to sound. */
  wanted: boolean;
  sounding: boolean;
  /** Why it was not heard; told to administrators only. */
  error: string | null;
}

export interface Output {
  id: string;
  name: string;
  enabled: boolean;
  kind: string;
  /** It is to be on. */
  wanted: boolean;
  /** What was last told to it with success; null: it has not answered yet. */
  on: boolean | null;
  since: string | null;
  /** Why it was not switched; told to administrators only. */
  error: string | null;
}

/** Outputs and buzzer are tried for a while before it is told how that went. */
const TEST_MS = 60_000;

export interface TestResult {
  ok: boolean;
  error: string | null;
}

const output = (id: string): string => `/api/v1/outputs/${encodeURIComponent(id)}`;

export const alarms = {
  events: (query: Record<string, string>) => get<EventsPage>(`/api/v1/events?${new URLSearchParams(query).toString()}`),

  /** Only those that go on are still there tomorrow, unless the clocks are far apart. */
  async goingOn(now: number): Promise<Happening[]> {
    const { events } = await this.events({ from: rfc3339(now + 86_400_000), limit: '1000' });
    return events.filter(({ end }) => end === null);
  },

  inputs: () => get<Input[]>('/api/v1/inputs'),
  outputs: () => get<Output[]>('/api/v1/outputs'),
  buzzer: () => get<Buzzer>('/api/v1/buzzer'),

  /** Says how an input stands, in place of the device. */
  report: (id: string, state: 'active' | 'inactive') => post<Input>(`/api/v1/inputs/${encodeURIComponent(id)}`, { state }),

  /** Until the next event. */
  silence: async (): Promise<void> => void (await send('/api/v1/buzzer/silence', { method: 'POST' })),
  testBuzzer: () => post<TestResult>('/api/v1/buzzer/test', {}, TEST_MS),

  /** `seconds`: off again by itself; without, when somebody switches it off. */
  switchOn: (id: string, seconds: number | null) => post<Output>(output(id), seconds === null ? { on: true } : { on: true, seconds }),
  switchOff: (id: string) => post<Output>(output(id), { on: false }),
  test: (id: string) => post<TestResult>(`${output(id)}/test`, {}, TEST_MS),

  recordByHand: (id: string) => post<Happening>(`${camera(id)}/manual`, {}),

  /** What has ended; null: it was not recorded by hand. */
  async endByHand(id: string): Promise<Happening | null> {
    const response = await send(`${camera(id)}/manual`, { method: 'DELETE' });
    return response.status === 204 ? null : ((await response.json()) as Happening);
  },
};

/** Where every event is told as it begins, ends, or is acted on (WebSocket). */
export const newsUrl = (): string => socketUrl('/api/v1/events/live');
