// Events, inputs, outputs and recording by hand of the mock recorder, in the shapes of the API.
// For trying things out: GET /api/v1/mock/storm?count=1000, /mock/quiet, /mock/deaf (listeners are dropped for 5 s).

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
let last = 0n;

/** Later ones are greater. */
function ulid(at) {
  let value = (BigInt(at) << 80n) | (BigInt(Math.floor(Math.random() * 2 ** 40)) << 40n);
  if (value <= last) value = last + 1n;
  last = value;
  let text = '';
  for (let i = 0; i < 26; i++, value >>= 5n) text = DIGITS[Number(value & 31n)] + text;
  return text;
}

const KINDS = {
  motion: ['info', true], sensor: ['alarm', true], analytics: ['alarm', true], manual: ['info', true], external: ['info', false],
  stream_offline: ['alarm', true], stream_stalled: ['alarm', true], stream_refused: ['alarm', true], stream_live: ['info', false], motion_blind: ['warning', true],
  disk_error: ['alarm', true], disk_full: ['warning', false], illegal_access: ['warning', false], started: ['info', false],
  configuration_changed: ['info', false], footage_deleted: ['alarm', false],
};
const iso = (ms) => new Date(ms).toISOString();
const FAILURES = {
  gong: 'http://192.0.2.20/relay/2/on: connection refused (os error 111)',
  phone: 'phone: https://ntfy.example.org answered 403: forbidden',
};
const GRAVITY = ['info', 'warning', 'alarm'];

export class Alarms {
  constructor(cameras, scene) {
    this.cameras = cameras;
    this.listeners = new Set();
    this.events = [];
    this.deaf = 0;
    const has = scene !== 'none';
    this.inputs = has
      ? [
          { id: 'door', name: 'Back door', enabled: true, kind: 'http', active: false, since: iso(Date.now() - 3_000_000), error: null },
          { id: 'bell', name: 'Bell', enabled: true, kind: 'http', active: false, since: null, error: '/dev/gpiochip0: line 17 is taken by leds' },
          { id: 'fence', name: 'Fence', enabled: false, kind: 'http', active: false, since: null, error: null },
        ]
      : [];
    this.outputs = has
      ? [
          { id: 'siren', name: 'Siren', enabled: true, kind: 'http', wanted: false, on: false, since: iso(Date.now() - 900_000), error: null },
          { id: 'gong', name: 'Gong', enabled: true, kind: 'http', wanted: false, on: null, since: null, error: 'http://192.0.2.20/relay/2/off: connection refused (os error 111)' },
        ]
      : [];
    this.timers = new Map();
    this.buzzer = { kind: has ? 'sound' : null, wanted: false, sounding: false, error: null };
    this.snapshots = [];
    this.subscriptions = [];
    this.past(scene);
  }

  past(scene) {
    const ago = (minutes) => Date.now() - minutes * 60_000;
    this.raise('started', 'house', 'vigie 0.1.0', { at: ago(600) });
    if (scene === 'none') return;
    for (let i = 130; i > 3; i--) {
      const at = ago(i * 4);
      const camera = this.cameras[i % 2].id;
      this.raise(i % 11 === 0 ? 'analytics' : 'motion', `camera:${camera}`, i % 11 === 0 ? 'a person crossed the line' : '', { at, end: at + 9_000 + (i % 7) * 4_000 });
    }
    for (const camera of this.cameras) {
      const kind = { offline: 'stream_offline', refused: 'stream_refused', stalled: 'stream_stalled' }[camera.state];
      if (!kind) continue;
      const minutes = camera.state === 'offline' ? 18 : 30;
      for (const name of Object.keys(camera.streams)) this.raise(kind, `stream:${camera.id}/${name}`, camera.error, { at: ago(minutes), end: null });
    }
  }

  raise(kind, source, text, { at = Date.now(), end, payload = null } = {}) {
    const [severity, lasting] = KINDS[kind] ?? ['info', false];
    const open = this.events.find((event) => event.kind === kind && event.source === source && event.end === null);
    if (open && kind !== 'manual') return open;
    if (open) this.end(open);
    const action = (rule, what, target) => ({ rule, what, target, state: 'planned', at: null, detail: null });
    const actions = [];
    if (['motion', 'analytics', 'manual'].includes(kind)) actions.push(action(null, 'record', source.split(':')[1]));
    if (source === 'input:door') {
      actions.push(action('break-in', 'record', 'gate'), action('break-in', 'output', 'siren'), action('break-in', 'output', 'gong'));
      actions.push(action('break-in', 'popup_video', 'gate'), action('break-in', 'popup_video', 'lobby'), action('break-in', 'popup_message', null), action('break-in', 'buzzer', null));
      for (const { id } of this.cameras) actions.push(action('break-in', 'snapshot', id));
      actions.push(action('break-in', 'email', 'owner'), action('break-in', 'push', 'phone'));
    }
    if (kind === 'external') actions.push(action('tell', 'popup_message', null));
    const event = { id: ulid(at), kind, source, start: iso(at), end: end === undefined ? (lasting ? null : iso(at)) : end === null ? null : iso(end), severity, text, payload, actions };
    this.events.unshift(event);
    this.tell(event);
    this.act(event, at);
    return event;
  }

  act(event, at) {
    for (const one of event.actions) {
      // Its server is down.
      if (one.what === 'email') continue;
      const failed = FAILURES[one.target] ?? null;
      Object.assign(one, { state: failed ? 'failed' : 'done', at: iso(at + 20), detail: failed });
      if (one.what === 'output') this.switch(this.outputs.find(({ id }) => id === one.target), true, 10);
      if (one.what === 'buzzer') this.ring(10);
      if (one.what === 'snapshot') this.snapshots.unshift({ id: `${one.target}.${event.start.replace(/[-:]/g, '')}-${event.id}`, camera: one.target, time: event.start, event: event.id, bytes: 40_000, disk: 'd1' });
      if (one.what === 'record' && event.end === null) this.cause(one.target, event, true);
    }
    if (event.actions.length > 0) this.tell(event);
  }

  end(event) {
    event.end = iso(Math.max(Date.now(), Date.parse(event.start)));
    for (const { what, target } of event.actions) if (what === 'record') this.cause(target, event, false);
    this.tell(event);
    return event;
  }

  cause(id, { kind }, on) {
    const camera = this.cameras.find((one) => one.id === id);
    if (kind === 'motion' && camera) camera.motion.moving = on;
    const cause = ['motion', 'analytics', 'manual'].includes(kind) ? kind : 'sensor';
    if (!camera) return;
    camera.recording = camera.recording.filter((one) => one !== cause);
    if (on) camera.recording.push(cause);
  }

  ring(seconds) {
    clearTimeout(this.timers.get('buzzer'));
    Object.assign(this.buzzer, { wanted: seconds > 0, sounding: seconds > 0 });
    if (seconds > 0) this.timers.set('buzzer', setTimeout(() => this.ring(0), seconds * 1000));
  }

  switch(output, on, seconds) {
    clearTimeout(this.timers.get(output.id));
    output.wanted = on;
    if (output.id !== 'gong') Object.assign(output, { on, since: iso(Date.now()) });
    if (on && seconds) this.timers.set(output.id, setTimeout(() => this.switch(output, false), seconds * 1000));
  }

  report(input, state) {
    const active = state === 'pulse' || state === 'active' || state === 'open';
    clearTimeout(this.timers.get(input.id));
    if (state === 'pulse') this.timers.set(input.id, setTimeout(() => this.report(input, 'inactive'), 5_000));
    if (input.active === active) return null;
    Object.assign(input, { active, since: iso(Date.now()) });
    const source = `input:${input.id}`;
    const open = this.events.find((event) => event.source === source && event.end === null);
    return active ? this.raise('sensor', source, input.name) : open ? this.end(open) : null;
  }

  tell(event) {
    for (const listener of this.listeners) listener.json(event);
  }

  storm(count) {
    for (let i = 0; i < count; i++) this.raise('external', i % 2 ? 'house' : `camera:${this.cameras[i % this.cameras.length].id}`, `storm ${i}`);
  }

  list(query) {
    const words = (name) => query.get(name)?.split(',').filter(Boolean) ?? [];
    const [from, to] = [Date.parse(query.get('from')), Date.parse(query.get('to'))];
    const least = GRAVITY.indexOf(query.get('severity') ?? 'info');
    const camera = (event) => /^(?:camera:|stream:)([^/]+)/.exec(event.source)?.[1];
    const limit = Math.min(1000, Number(query.get('limit') ?? 100));
    const sorted = this.events.toSorted((a, b) => Date.parse(b.start) - Date.parse(a.start) || (a.id < b.id ? 1 : -1));
    const before = query.get('before') ? sorted.findIndex(({ id }) => id === query.get('before')) + 1 : 0;
    const found = sorted.slice(before).filter((event) => {
      const [start, end] = [Date.parse(event.start), event.end === null ? Infinity : Date.parse(event.end)];
      return (
        !(start < from && end <= from) && !(start >= to) && GRAVITY.indexOf(event.severity) >= least &&
        (words('kind').length === 0 || words('kind').includes(event.kind)) &&
        (words('camera').length === 0 || words('camera').includes(camera(event)))
      );
    });
    const events = found.slice(0, limit);
    return { events, next: found.length > limit ? events.at(-1).id : null };
  }

  /** What it answers: [status, body] or [status, code, detail]; `null`: it is not asked here. */
  answer(method, path, query, body, user) {
    const [, thing, id, verb] = path.split('/');
    const forbidden = user.group === 'administrator' || method === 'GET' ? null : [403, 'forbidden', `${user.name} is no administrator`];
    const nothing = [404, 'not_found', `nothing is at /api/v1${path}`];
    const words = (name) => query.get(name)?.split(',').filter(Boolean) ?? [];
    if (thing === 'mock') return this.play(id, query);
    if (thing === 'events' && method === 'GET') return [200, this.list(query)];
    if (thing === 'events') {
      if (forbidden) return forbidden;
      const source = body.camera ? `camera:${body.camera}` : 'house';
      const open = this.events.find((event) => event.kind === body.kind && event.source === source && event.end === null);
      if (body.over) return open ? [201, this.end(open)] : [204];
      return [201, this.raise(body.kind, source, body.text ?? '', { payload: body.payload ?? null })];
    }
    if (thing === 'buzzer' && method === 'GET') return [200, this.buzzer];
    if (thing === 'buzzer' && id === 'silence') return this.ring(0) ?? [204];
    if (thing === 'buzzer') return forbidden ?? [200, { ok: true, error: null }];
    if (thing === 'snapshots') {
      const [of, until] = [words('camera'), Date.parse(query.get('to'))];
      const event = query.get('event');
      const found = this.snapshots.filter((one) => (event === null || one.event === event) && (of.length === 0 || of.includes(one.camera)) && !(Date.parse(one.time) >= until));
      return [200, { snapshots: found.slice(0, Number(query.get('limit') ?? 100)), next: null }];
    }
    if (thing === 'recipients') {
      const [error, next_attempt] = ['mail.example.org:587: connection refused (os error 111)', iso(Date.now() + 40_000)];
      return forbidden ?? [200, [{ id: 'owner', name: 'owner', enabled: true, address: 'ann@example.org', error, next_attempt }]];
    }
    if (thing === 'push') return this.push(method, id, verb, body, user);
    if (thing === 'inputs' && method === 'GET') {
      return [200, this.inputs.map((one) => ({ ...one, error: user.group === 'administrator' ? one.error : null }))];
    }
    if (thing === 'inputs') {
      const input = this.inputs.find((one) => one.id === id);
      if (forbidden || !input) return forbidden ?? nothing;
      const event = this.report(input, body.state ?? 'pulse');
      return [200, { ...input, event: event?.id ?? null }];
    }
    if (thing === 'outputs' && method === 'GET') {
      return [200, this.outputs.map((one) => ({ ...one, error: user.group === 'administrator' ? one.error : null }))];
    }
    if (thing === 'outputs') {
      const output = this.outputs.find((one) => one.id === id);
      if (forbidden || !output) return forbidden ?? nothing;
      if (verb === 'test') return [200, { ok: output.error === null, error: output.error }];
      if (body.seconds !== undefined && !(body.seconds >= 1 && body.seconds <= 86_400)) return [400, 'bad_request', 'seconds: expected 1 to 86400'];
      this.switch(output, body.on, body.seconds);
      return [202, output];
    }
    if (thing === 'cameras' && verb === 'manual') {
      const camera = this.cameras.find((one) => one.id === id);
      if (forbidden || !camera) return forbidden ?? [404, 'no_camera', `there is no camera ${id}`];
      const open = this.events.find((event) => event.kind === 'manual' && event.source === `camera:${id}` && event.end === null);
      if (method === 'DELETE') return open ? [201, this.end(open)] : [204];
      return [201, this.raise('manual', `camera:${id}`, `by ${user.name}`, { payload: { by: user.name, until: null } })];
    }
    return null;
  }

  push(method, id, verb, body, user) {
    if (id === undefined) return [200, [{ id: 'browsers', name: 'Browsers', enabled: true, kind: 'web_push' }]];
    if (id === 'vapid') return [200, { public_key: Buffer.alloc(65, 4).toString('base64url') }];
    if (method === 'DELETE') {
      this.subscriptions = this.subscriptions.filter((one) => one.id !== verb);
      return [204];
    }
    if (method === 'GET') return [200, this.subscriptions];
    const one = { id: ulid(Date.now()), user: user.name, service: new URL(body.endpoint).host, since: iso(Date.now()) };
    this.subscriptions.push(one);
    return [201, one];
  }

  play(what, query) {
    if (what === 'storm') this.storm(Number(query.get('count') ?? 1000));
    if (what === 'quiet') for (const event of this.events) if (event.end === null) this.end(event);
    if (what === 'deaf') {
      this.deaf = Date.now() + 5_000;
      for (const listener of this.listeners) listener.hangUp();
    }
    return [200, {}];
  }
}
