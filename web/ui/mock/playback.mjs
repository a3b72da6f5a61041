// Timeline and tags of the mock recorder, in the shapes of the API: ninety days of footage, the same at every start.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const iso = (ms) => new Date(ms).toISOString();

/** Between 0 and 1, the same for the same numbers. */
function chance(...numbers) {
  let value = 2166136261;
  for (const number of numbers) value = Math.imul(value ^ number, 16777619) >>> 0;
  value ^= value >>> 15;
  return ((Math.imul(value, 2246822507) >>> 0) % 10_000) / 10_000;
}

/** Spans of one camera in [from, to): something of each hour. */
function hourly(seed, salt, from, to, often, lasts) {
  const spans = [];
  for (let hour = Math.floor(from / HOUR); hour * HOUR < to; hour++) {
    const count = Math.floor(chance(seed, salt, hour) * often * 2);
    for (let i = 0; i < count; i++) {
      const start = hour * HOUR + Math.floor(chance(seed, salt, hour, i) * HOUR);
      spans.push([start, start + Math.floor(lasts * (0.3 + chance(seed, salt, hour, i, 7)))]);
    }
  }
  return spans.filter(([a, b]) => a < to && b > from).sort((a, b) => a[0] - b[0]);
}

function merged(spans, step, from, to) {
  const found = [];
  for (const [start, end, ...rest] of spans) {
    const [a, b] = [Math.max(start, from), Math.min(end, to)];
    const last = found.at(-1);
    if (a >= b) continue;
    if (last && a - last[1] <= step * 1000 && last[2] === rest[0]) last[1] = Math.max(last[1], b);
    else found.push([a, b, ...rest]);
  }
  return found;
}

/** What is missing: now and then some minutes, and a night a month. */
export function holes(seed, from, to) {
  const found = [];
  for (let day = Math.floor(from / DAY) - 1; day * DAY < to; day++) {
    const cause = ['network', 'camera_offline', 'disk', 'overload', 'shutdown'][Math.floor(chance(seed, day, 5) * 5)];
    if (chance(seed, day, 1) < 0.3) found.push([day * DAY + chance(seed, day, 2) * DAY, 0, cause]);
    else if (chance(seed, day, 3) < 0.05) found.push([day * DAY + 20 * HOUR, 0, 'camera_offline']);
    const last = found.at(-1);
    if (last && last[1] === 0) last[1] = last[0] + (last[2] === 'camera_offline' ? 9 * HOUR : (2 + chance(seed, day, 4) * 30) * MINUTE);
  }
  return found.map(([a, b, cause]) => [Math.round(a), Math.round(b), cause]).filter(([a, b]) => a < to && b > from);
}

export function footage(seed, from, to) {
  const spans = [];
  let at = from;
  for (const [a, b] of holes(seed, from, to)) {
    if (a > at) spans.push([at, a]);
    at = Math.max(at, b);
  }
  if (at < to) spans.push([at, to]);
  return spans;
}

export class Footage {
  constructor(cameras) {
    this.cameras = cameras;
    this.tags = [];
    this.count = 0;
  }

  seed(id) {
    return this.cameras.findIndex((camera) => camera.id === id) + 1;
  }

  timeline(query) {
    const now = Date.now();
    const from = Math.max(Date.parse(query.get('from')), now - 90 * DAY);
    const to = Math.min(Date.parse(query.get('to')), now - 1_000);
    const step = Number(query.get('step'));
    const cameras = query.get('cameras').split(',').map((camera) => {
      const seed = this.seed(camera);
      const there = footage(seed, from, Math.max(from, to));
      const causes = { schedule: merged(there, step, from, to) };
      if (seed % 2) causes.motion = merged(hourly(seed, 11, from - HOUR, to, 4, 3 * MINUTE), step, from, to);
      causes.sensor = merged(hourly(seed, 12, from - HOUR, to, 0.53, MINUTE), step, from, to);
      causes.analytics = merged(hourly(seed, 13, from - HOUR, to, 0.6, MINUTE), step, from, to);
      causes.manual = merged(hourly(seed, 14, from - HOUR, to, 0.51, 9 * MINUTE), step, from, to);
      return { camera, causes, footage: merged(there, step, from, to), gaps: holes(seed, from, to) };
    });
    return { from: iso(from), to: iso(to), step_s: step, cameras };
  }

  /** As `/recordings` tells it. */
  recordings(id, from, to) {
    const now = Date.now();
    const end = Math.min(to, now - 1_000);
    const segments = [];
    for (const [a, b] of footage(this.seed(id), Math.max(from, now - 90 * DAY), end)) {
      for (let at = a; at < b; at = Math.floor(at / MINUTE + 1) * MINUTE) {
        segments.push({ start: iso(at), end: iso(Math.min(b, Math.floor(at / MINUTE + 1) * MINUTE)), bytes: 2_400_000, causes: ['schedule'] });
      }
    }
    const gaps = holes(this.seed(id), from, end).map(([a, b, cause]) => ({ start: iso(a), end: b > end ? null : iso(b), cause }));
    return { segments, gaps, marks: [] };
  }

  /** What it answers; `null`: it is not asked here. */
  answer(method, path, query, body, user) {
    const [, thing, id] = path.split('/');
    if (thing === 'timeline') return [200, this.timeline(query)];
    if (thing !== 'tags') return null;
    const text = String(body.text ?? '').trim();
    if (method === 'POST' || method === 'PUT') if (text === '' || text.length > 120) return [400, 'bad_request', 'text: expected 1 to 120 letters'];
    if (method === 'GET') return [200, this.tags];
    if (method === 'POST') {
      const tag = { id: `t${++this.count}`, camera: body.camera ?? null, at: body.at, text, by: user.name, created: iso(Date.now()) };
      this.tags.push(tag);
      return [201, tag];
    }
    const tag = this.tags.find((one) => one.id === id);
    if (!tag) return [404, 'not_found', `there is no tag ${id}`];
    if (method === 'PUT') return [200, Object.assign(tag, { text })];
    this.tags = this.tags.filter((one) => one !== tag);
    return [204];
  }
}
