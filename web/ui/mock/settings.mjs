// The configuration, its history, preferences, system and log of the mock recorder, in the shapes of the API.
// For trying things out: GET /api/v1/mock/meddle changes the configuration as somebody else would.
import { readFileSync } from 'node:fs';

const LISTS = ['schedule', 'disk', 'camera', 'input', 'output', 'recipient', 'push', 'rule'];
const SINGLES = ['server', 'mqtt', 'snapshots', 'buzzer', 'email'];
const iso = (ms) => new Date(ms).toISOString();
const clone = (value) => JSON.parse(JSON.stringify(value));
const SECRETS = ['password', 'token', 'secret'];

function first(cameras) {
  return {
    server: { name: 'Lobby', state_dir: '/var/lib/vigie', http: '0.0.0.0:8090', time_zone: 'Europe/Paris' },
    disk: [
      { id: 'd1', path: '/srv/vigie/d1/footage', keep_free: '5 GiB', require_mount: true },
      { id: 'd2', path: '/srv/vigie/d2/footage', group: 'archive' },
    ],
    schedule: [
      { id: 'nights', name: 'Nights and weekends', daily: ['20:00-06:30'], weekend: ['00:00-24:00'] },
      { id: 'office', name: 'Office hours', weekdays: ['08:00-12:00', '13:15-18:00'] },
    ],
    camera: cameras.map(({ id, name, streams }, at) => ({
      id, name, username: 'viewer', password: `\${${id.toUpperCase()}_PASSWORD}`,
      main: { url: `rtsp://192.0.2.${10 + at}/stream1` },
      ...(streams.sub ? { sub: { url: `rtsp://192.0.2.${10 + at}/stream2` } } : {}),
      ...(at === 0 ? { motion: { sensitivity: 60, area: ['................', '................', '....XXXXXXXX....', '..XXXXXXXXXXXX..', '..XXXXXXXXXXXX..', 'XXXXXXXXXXXXXXXX', 'XXXXXXXXXXXXXXXX', 'XXXXXXXXXXXXXXXX', 'XXXXXXXXXXXXXXXX'] } } : {}),
      ...(at === 1 ? { record: { mode: 'schedule', continuous: 'office', motion: 'nights' } } : {}),
    })),
    input: [
      { id: 'door', name: 'Back door', kind: 'http', token: '${DOOR_TOKEN}' },
      { id: 'bell', name: 'Bell', kind: 'gpio', chip: '/dev/gpiochip0', line: 17, debounce: '50ms' },
      { id: 'fence', name: 'Fence', enabled: false, kind: 'mqtt', topic: 'zigbee2mqtt/fence' },
    ],
    output: [
      { id: 'siren', name: 'Siren', kind: 'http', on: 'http://192.0.2.20/relay/1/on', off: 'http://192.0.2.20/relay/1/off' },
      { id: 'gong', name: 'Gong', kind: 'http', on: 'http://192.0.2.20/relay/2/on' },
    ],
    email: { server: 'smtp.example.org:587', username: 'vigie@example.org', password: '***', from: 'vigie@example.org' },
    recipient: [{ id: 'owner', name: 'Ann', address: 'ann@example.org' }],
    push: [
      { id: 'phone', name: 'Phones of the house', kind: 'ntfy', url: 'https://ntfy.example.org/house-alarms', token: '${NTFY_TOKEN}' },
      { id: 'browsers', name: 'Browsers', kind: 'web_push', contact: 'mailto:ann@example.org' },
    ],
    rule: [
      { id: 'break-in', name: 'Break-in', on: ['sensor'], from: ['input:door'], schedule: 'nights', record: ['gate'], snapshot: ['*'], outputs: ['siren'], email: ['owner'], push: ['phone'], popup_message: true },
    ],
  };
}

export class Settings {
  constructor(cameras, scene, still) {
    this.cameras = cameras;
    this.still = still;
    this.tables = first(scene === 'none' ? [] : cameras);
    this.revision = 1;
    this.preferences = {};
    this.started = Date.now() - 400_000_000;
    this.history = [{ id: 'v1', at: iso(this.started), by: null, changes: [], tables: clone(this.tables) }];
    this.keep('demo', ['camera gate: motion.sensitivity'], this.started + 90_000_000);
    this.log = Array.from({ length: 900 }, (_, i) => this.line(i));
  }

  line(i) {
    const texts = [
      ['INFO', 'vigie_actors::source', 'a picture after 312 ms', { camera: 'gate', stream: 'main' }],
      ['WARN', 'vigie_actors::source', 'no access unit for 10 s: connecting anew', { camera: 'attic', stream: 'main' }],
      ['INFO', 'vigie_web::api::session', 'signed in', { peer: '192.0.2.50' }],
      ['ERROR', 'vigie_actors::source', 'cannot connect to rtsp://192.0.2.14/stream1: no route to host (os error 113)', { camera: 'cellar', stream: 'main' }],
      ['INFO', 'vigie_storage::retention', 'deleted 12 segments', { volume: 'd1' }],
    ];
    const [level, target, text, fields] = texts[(i * 7) % texts.length];
    return { id: String(100_000 - i), at: iso(Date.now() - i * 47_000), level: level.toLowerCase(), target, text, fields };
  }

  keep(by, changes, at = Date.now()) {
    this.history.unshift({ id: `v${this.history.length + 1}`, at: iso(at), by, changes, tables: clone(this.tables) });
  }

  /** A few of the rules, in the words of the recorder. */
  faults(tables) {
    const found = [];
    const say = (path, text) => found.push({ line: 10 + found.length, path, text });
    (tables.camera ?? []).forEach((camera, at) => {
      const path = `camera[${at}] "${camera.id}"`;
      if (!camera.main?.url) say(`${path}.main`, 'missing, expected a table [camera.main] with its url');
      for (const name of ['main', 'sub']) {
        const url = camera[name]?.url;
        if (url && !/^(rtsps?|rtmps?|srt|https?|v4l2|file|test):\/\//.test(url)) say(`${path}.${name}.url`, `seen "${url}", expected an address such as rtsp://HOST/PATH`);
      }
      const [min, max] = [camera.record?.min_age, camera.record?.max_age].map((text) => parseInt(text));
      if (min > max) say(`${path}.record.min_age`, 'longer than max_age');
    });
    (tables.disk ?? []).forEach((disk, at) => {
      if (!disk.path?.startsWith('/')) say(`disk[${at}] "${disk.id}".path`, `seen "${disk.path ?? ''}", expected an absolute path`);
    });
    (tables.recipient ?? []).forEach((one, at) => {
      if (!one.address?.includes('@')) say(`recipient[${at}] "${one.id}".address`, 'expected an address such as ann@example.org');
    });
    (tables.input ?? []).forEach((one, at) => {
      if (one.kind === 'http' && !one.token) say(`input[${at}] "${one.id}".token`, 'missing, expected a text of 16 characters or more');
    });
    return found;
  }

  changes(after) {
    const words = [];
    for (const name of [...LISTS, ...SINGLES]) {
      const [a, b] = [this.tables[name], after[name]];
      if (JSON.stringify(a) === JSON.stringify(b)) continue;
      if (!LISTS.includes(name)) words.push(b ? (a ? `${name} changed` : `${name} added`) : `${name} removed`);
      for (const one of LISTS.includes(name) ? (b ?? []) : []) {
        const old = (a ?? []).find(({ id }) => id === one.id);
        if (!old) words.push(`${name} ${one.id} added`);
        else if (JSON.stringify(old) !== JSON.stringify(one)) words.push(`${name} ${one.id} changed`);
      }
      for (const old of LISTS.includes(name) ? (a ?? []) : []) if (!(b ?? []).some(({ id }) => id === old.id)) words.push(`${name} ${old.id} removed`);
    }
    if (words.length === 0 && JSON.stringify(this.tables) !== JSON.stringify(after)) words.push('the order of the cameras');
    return words;
  }

  /** Makes the configuration `after`, or says why not. */
  make(after, { match, tryOnly, user }) {
    if (match && match !== `"r${this.revision}"`) return [412, 'stale', 'the configuration was changed since it was read: read it again'];
    const problems = this.faults(after);
    if (problems.length > 0) return [422, 'refused', `${problems.length} faults in the configuration`, { problems }];
    const changes = this.changes(after);
    const restarts = changes.filter((change) => /^camera .* changed/.test(change)).map((change) => `live pictures and recording of ${change.split(' ')[1]}, for about a second`);
    const warnings = (after.camera ?? []).flatMap(({ id, record }, at) => (record?.analytics && record.analytics !== 'off' ? [{ line: 20, path: `camera[${at}] "${id}".record.analytics`, text: 'analytics is recorded as other programs tell it' }] : []));
    if (!tryOnly && changes.length > 0) {
      const hidden = JSON.parse(JSON.stringify(after, (key, value) => (SECRETS.includes(key) && typeof value === 'string' && !value.startsWith('${') ? '***' : value)));
      this.tables = hidden;
      this.revision += 1;
      this.keep(user.name, changes);
    }
    return [200, { revision: `r${this.revision}`, changes, restarts, warnings }];
  }

  text(tables) {
    return Object.entries(tables).flatMap(([name, value]) => (Array.isArray(value) ? value.flatMap((one) => [`[[${name}]]`, ...lines(one), '']) : [`[${name}]`, ...lines(value), ''])).join('\n');
  }

  answer(method, path, query, body, user, headers) {
    const [, thing, table, id] = path.split('/').map(decodeURIComponent);
    const change = { match: headers['if-match'], tryOnly: query.get('try_only') === 'true', user };
    if (thing === 'mock' && table === 'meddle') {
      this.tables.server.name = `Lobby ${this.revision}`;
      if (this.tables.camera[0]) this.tables.camera[0].record = { max_age: `${this.revision}d` };
      this.revision += 1;
      this.keep('somebody', ['server changed', 'camera gate changed']);
      return [200, {}];
    }
    if (thing === 'preferences') {
      if (method === 'PUT') this.preferences = body;
      return [200, this.preferences];
    }
    const forbidden = user.group === 'administrator' ? null : [403, 'forbidden', `${user.name} may not do this`];
    if (thing === 'config') return forbidden ?? this.configuration(method, table, id, body, change);
    if (thing === 'camera-order') return forbidden ?? this.make({ ...this.tables, camera: body.ids.map((one) => this.tables.camera.find((camera) => camera.id === one)) }, change);
    if (thing === 'config-history') {
      const shown = ({ tables, ...rest }, at) => ({ ...rest, current: at === 0 });
      if (!table) return forbidden ?? [200, this.history.map(shown)];
      const at = this.history.findIndex((one) => one.id === table);
      if (at < 0) return [404, 'not_found', `there is no state ${table}`];
      if (id === 'restore') return forbidden ?? this.make(clone(this.history[at].tables), change);
      return forbidden ?? [200, { ...shown(this.history[at], at), text: this.text(this.history[at].tables), restarts: [] }];
    }
    if (thing === 'probe') return forbidden ?? this.probe(body);
    if (thing === 'log') return forbidden ?? this.lines(query);
    if (thing === 'system' && table === 'tree') return forbidden ?? [200, this.tree()];
    if (thing === 'system' && table === 'capacity') return [200, [{ group: 'default', disks: ['d1'], absent: [], usable_bytes: 1.9e12, footage_bytes: 1.2e12, bitrate_bps: 14_500_000, streams: 12, unmeasured: [], days: 12.1, full_at: iso(Date.now() + 4e8), needed_bytes: null }]];
    if (thing === 'system' && table === 'info') return [200, this.info()];
    if (thing === 'footage') return [200, this.cameras.flatMap((camera) => Object.keys(camera.streams).map((stream) => ({ camera: camera.id, stream, first: iso(Date.now() - 1e9), last: iso(Date.now()), removed: false })))];
    if (thing === 'cameras' && id === 'motion') {
      const camera = this.cameras.find((one) => one.id === table);
      return camera ? [200, { ...camera.motion, watching: true }] : [404, 'no_camera', `there is no camera ${table}`];
    }
    return null;
  }

  configuration(method, table, id, body, change) {
    if (table === undefined) return method === 'PUT' ? this.make(body, change) : [200, this.tables, { ETag: `"r${this.revision}"` }];
    if (!LISTS.includes(table) && !SINGLES.includes(table)) return [404, 'not_found', `table ${table}`];
    const after = clone(this.tables);
    if (id === undefined) {
      if (method === 'DELETE') delete after[table];
      else after[table] = body;
    } else {
      const list = (after[table] ??= []);
      const at = list.findIndex((one) => one.id === id);
      if (method === 'DELETE') list.splice(at, 1);
      else if (at < 0) list.push({ id, ...body });
      else list[at] = { id, ...body };
    }
    return this.make(after, change);
  }

  probe({ url }) {
    if (url.includes('192.0.2.99')) return [200, { ok: false, kind: 'unavailable', detail: `cannot connect to ${url}: no route to host (os error 113)` }];
    const h265 = url.includes('h265');
    return [200, {
      ok: true, first_picture_ms: 412, clock_offset_ms: -1_730, picture: readFileSync(this.still).toString('base64'), plays_in_browsers: !h265,
      streams: { video: { codec: h265 ? 'h265' : 'h264', width: 1920, height: 1080, fps: 25, bitrate_bps: 3_900_000 }, audio: { codec: 'pcma', rate: 8000, channels: 1 } },
    }];
  }

  lines(query) {
    const ranks = ['debug', 'info', 'warn', 'error'];
    const least = ranks.indexOf(query.get('level') ?? 'debug');
    const text = (query.get('text') ?? '').toLowerCase();
    const [from, to] = [Date.parse(query.get('from')), Date.parse(query.get('to'))];
    const found = this.log.filter(({ level, text: words, at, fields }) => ranks.indexOf(level) >= least && `${words} ${JSON.stringify(fields)}`.toLowerCase().includes(text) && !(Date.parse(at) < from) && !(Date.parse(at) >= to));
    const start = query.get('before') ? found.findIndex(({ id }) => id === query.get('before')) + 1 : 0;
    const limit = Number(query.get('limit') ?? 100);
    return [200, { lines: found.slice(start, start + limit), next: found.length > start + limit ? found[start + limit - 1].id : null }];
  }

  tree() {
    const node = (name, kind, more = {}, children = []) => ({ name, kind, state: 'running', generation: 1, restarts: 0, last_error: null, since: iso(this.started), detail: null, children, ...more });
    const cameras = this.cameras.map(({ id, state, error }) =>
      node(`camera.${id}`, 'camera', {}, [
        node('source.main', 'source', state === 'offline' ? { restarts: 41, generation: 42, last_error: error, since: iso(Date.now() - 9_000) } : { detail: { state } }),
        node('recording.main', 'recording', { detail: { segments: 1042, bytes: 4_200_000_000, lost_units: 0 } }),
        node('motion', 'motion'),
      ]),
    );
    return node('root', 'root', {}, [
      node('registry', 'registry', { detail: { routed: 8123, dropped: 0 } }),
      node('disks', 'disks', {}, [node('disk.d1', 'disk'), node('disk.d2', 'disk', { state: 'parked', restarts: 6, last_error: '/srv/vigie/d2/footage: nothing is mounted there' })]),
      node('cameras', 'cameras', {}, cameras),
      node('links', 'links', { detail: { down: false, links: [{ name: 'eth0', up: true }, { name: 'eth1', up: false }] } }),
      node('restream', 'restream', { detail: { clients: 2 } }),
      node('web', 'web'),
    ]);
  }

  info() {
    const smart = (device, more) => ({ device, state: 'good', model: 'WDC WD40PURX', serial: 'WD-1', passed: true, temperature_celsius: 37, power_on_hours: 18_211, reallocated_sectors: 0, percentage_used: null, ...more });
    const mount = (point, source) => ({ point, source, file_system: 'ext4', read_only: false, network: false });
    return {
      name: this.tables.server.name ?? 'Vigie', version: '0.1.0', recorder: '3f024017-f974-4144-ac87-07645fac1d76', started: iso(this.started), now: iso(Date.now()), clock_synchronised: false, time_zone: this.tables.server.time_zone ?? null,
      cameras: this.cameras.length, rtsp: '0.0.0.0:8554', index: { state: 'ok' }, room: { cameras: 11, limited_by: 'disk', cpu_per_camera: 0.01 },
      disks: [
        { disk: 'd1', path: '/srv/vigie/d1/footage', group: 'default', state: 'online', error: null, cameras: 8, total_bytes: 4e12, free_bytes: 0.9e12, footage_bytes: 3.1e12, device: { looked_at: iso(Date.now() - 6e5), state: 'good', reasons: [], mount: mount('/srv/vigie/d1', '/dev/sda1'), smart: [smart('/dev/sda', {})] } },
        { disk: 'd2', path: '/srv/vigie/d2/footage', group: 'archive', state: 'absent', error: '/srv/vigie/d2/footage: nothing is mounted there', cameras: 0, device: { looked_at: iso(Date.now() - 6e5), state: 'failing', reasons: ['/dev/sdb: 14 sectors cannot be read'], mount: null, smart: [smart('/dev/sdb', { state: 'failing', passed: false, reallocated_sectors: 92, temperature_celsius: 51 })] } },
      ],
    };
  }
}

function lines(table, prefix = '') {
  return Object.entries(table).flatMap(([key, value]) => (value && typeof value === 'object' && !Array.isArray(value) ? lines(value, `${prefix}${key}.`) : [`${prefix}${key} = ${JSON.stringify(value)}`]));
}
