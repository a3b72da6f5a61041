// A recorder that is none: answers like the API, for work on the pages without cameras.
//   npm run mock [-- none|two|many|wall|old]      (wall: 16 cameras of 640 × 360; old: keeps no layouts)      then: npm run dev
//   Users: demo, an administrator, and guest, who is none; their passwords are their names.
// With a built dist/ it serves the pages as well, under the same policy as the recorder.
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { Accounts } from './accounts.mjs';
import { Alarms } from './alarms.mjs';
import { Backups } from './backup.mjs';
import { Kept } from './kept.mjs';
import { Footage } from './playback.mjs';
import { Feed, recordedMinute, still } from './media.mjs';
import { Settings } from './settings.mjs';

const scene = process.argv[2] ?? 'mixed';
const port = Number(process.env.PORT ?? 8090);
const dist = new URL('../dist/', import.meta.url).pathname;
const footage = join(tmpdir(), 'vigie-mock-minute.mp4');
recordedMinute(footage);
const picture = join(tmpdir(), 'vigie-mock-still.jpg');
still(picture);

const POLICY =
  "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
const MINUTE = 60_000;
const started = Date.now();

const stream = (codec, width, height, more = {}) => ({
  state: 'live', error: null, codec, width, height, fps: 10, bitrate_bps: width * 1700, audio: null, ...more,
});
const down = (state, error) => stream(null, null, null, { state, error, fps: null, bitrate_bps: null });
const camera = (id, name, main, sub, recording = ['schedule']) => ({
  id, name, state: main.state, error: main.error, streams: sub ? { main, sub } : { main }, recording, not_recording: null,
  motion: { watching: recording.length > 0, moving: false, skipped: 0, error: null },
});

const SCENES = {
  none: [],
  mixed: [
    camera('gate', 'Front gate', stream('h264', 1280, 720), stream('h264', 640, 360)),
    camera('lobby', 'Lobby', stream('h264', 960, 540, { audio: 'aac' }), stream('h264', 640, 360, { audio: 'aac' })),
    camera('dock', 'Loading dock', stream('h265', 1920, 1080), stream('h264', 640, 360)),
    camera('yard', 'Yard, north-eastern corner behind the bicycle shed', stream('mjpeg', 640, 360), null),
    camera('cellar', 'Cellar', down('offline', 'cannot connect to rtsp://192.0.2.14/stream1: no route to host (os error 113)'), down('offline', 'cannot connect to rtsp://192.0.2.14/stream2: no route to host (os error 113)')),
    camera('lift', 'Lift', down('refused', 'rtsp://192.0.2.15/live: the camera answered 401 to the given credentials'), null),
    camera('attic', 'Attic', down('stalled', 'no access unit for 10 s'), null),
    camera('tower', 'Tower', stream('h265', 3840, 2160), null, []),
  ],
  two: [
    camera('gate', 'Front gate', stream('h264', 640, 360), stream('h264', 320, 180)),
    camera('lobby', 'Lobby', stream('h264', 640, 360, { audio: 'aac' }), stream('h264', 320, 180, { audio: 'aac' })),
  ],
  wall: Array.from({ length: 16 }, (_, i) => camera(`c${i + 1}`, `Camera ${i + 1}`, stream('h264', 640, 360, { fps: 25 }), null)),
  old: [camera('gate', 'Front gate', stream('h264', 640, 360), null)],
  many: Array.from({ length: 16 }, (_, i) => camera(`c${i + 1}`, `Camera ${i + 1}`, stream('h264', 640, 360), null)),
};
const cameras = SCENES[scene];
const feeds = new Map();
const sockets = new Set();
const alarms = new Alarms(cameras, scene);
const kept = new Kept();
const past = new Footage(cameras);
const settings = new Settings(cameras, scene, picture);
const accounts = new Accounts(process.env.VIGIE_MOCK_SETUP === '1');
const backups = new Backups(settings, accounts);

function recordings(id, from, to) {
  const now = Date.now();
  const iso = (ms) => new Date(ms).toISOString();
  const first = Math.max(from - MINUTE, now - 52 * MINUTE);
  const gaps = { gate: [[-21, -19.5, 'network']], lobby: [[-40, -31, 'shutdown'], [-12, -11.9, 'overload']], cellar: [[-18, null, 'camera_offline']], lift: [[-30, null, 'refused']] }[id] ?? [];
  const holes = gaps.map(([a, b, cause]) => ({ start: iso(now + a * MINUTE), end: b === null ? null : iso(now + b * MINUTE), cause }));
  const segments = [];
  for (let at = Math.floor(first / MINUTE) * MINUTE; at < Math.min(to, now); at += MINUTE) {
    const end = Math.min(at + MINUTE, now - 700);
    if (end <= at || holes.some((hole) => Date.parse(hole.start) < end && at < (hole.end ? Date.parse(hole.end) : now))) continue;
    const minute = Math.round((now - at) / MINUTE);
    segments.push({ start: iso(at), end: iso(end), bytes: 2_400_000, causes: ['schedule'] });
  }
  if (id === 'tower') return { segments: [], gaps: [], marks: [] };
  return { segments, gaps: holes, marks: marks(id, from, to, now) };
}

/** Why it was recorded: by schedule all the time, and for what the log tells. */
function marks(id, from, to, now) {
  const iso = (ms) => new Date(ms).toISOString();
  const found = [{ start: iso(now - 52 * MINUTE), end: null, cause: 'schedule' }];
  if (id === 'dock') found.push({ start: iso(now - 19 * MINUTE), end: iso(now - 15 * MINUTE), cause: 'sensor' });
  if (id === 'yard') found.push({ start: iso(now - 33 * MINUTE), end: iso(now - 24 * MINUTE), cause: 'manual' });
  for (const { kind, start, end, actions } of alarms.events) {
    if (!actions.some(({ what, target }) => what === 'record' && target === id) || Date.parse(start) < from - MINUTE) continue;
    const cause = ['motion', 'analytics', 'manual'].includes(kind) ? kind : 'sensor';
    const over = end === null ? null : iso(Date.parse(end) + 10_000);
    found.push({ start: iso(Date.parse(start) - 5_000), end: over, cause });
  }
  return found;
}

function problem(response, status, code, detail, more = {}) {
  response.writeHead(status, { 'Content-Type': 'application/problem+json' });
  response.end(JSON.stringify({ code, title: code, status, detail, ...more }));
}

function json(response, value, status = 200, headers = {}) {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
}

function file(request, response, path, type, headers = {}) {
  const { size } = statSync(path);
  const [, a, b] = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '') ?? [];
  if (a === undefined) {
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': size, 'Accept-Ranges': 'bytes', ...headers });
    return createReadStream(path).pipe(response);
  }
  const end = b ? Math.min(Number(b), size - 1) : size - 1;
  response.writeHead(206, { 'Content-Type': type, 'Content-Length': end - a + 1, 'Content-Range': `bytes ${a}-${end}/${size}`, ...headers });
  return createReadStream(path, { start: Number(a), end }).pipe(response);
}

const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };

const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://mock');
  response.setHeader('Content-Security-Policy', POLICY);
  if (!url.pathname.startsWith('/api/')) {
    const name = extname(url.pathname) ? url.pathname.slice(1) : 'index.html';
    try {
      const body = readFileSync(join(dist, name));
      response.writeHead(200, { 'Content-Type': TYPES[extname(name)] ?? 'application/octet-stream' });
      return response.end(body);
    } catch {
      return problem(response, 404, 'not_found', `nothing is at ${url.pathname}`);
    }
  }
  const path = url.pathname.slice('/api/v1'.length);
  if (path === '/setup' || (path === '/session' && request.method === 'POST')) {
    whole(request, (body) => reply(response, accounts.open(request.method, path, body, request)));
    return;
  }
  // For trying things out: drop every viewer, or forget every session.
  if (path === '/mock/drop') {
    for (const socket of sockets) socket.destroy();
    return json(response, {});
  }
  if (path === '/mock/forget') {
    accounts.sessions.clear();
    return json(response, {});
  }
  const who = accounts.of(request);
  if (!who?.user) return problem(response, 401, 'unauthenticated', 'sign in first');
  if (path === '/cameras') return json(response, cameras);
  const time = (key) => Date.parse(url.searchParams.get(key));
  // The last hour is a story of its own, what is longer ago is made up.
  if (path === '/recordings' && (scene === 'many' || time('from') < Date.now() - 62 * MINUTE)) return json(response, past.recordings(url.searchParams.get('camera'), time('from'), time('to')));
  if (path === '/recordings') return json(response, recordings(url.searchParams.get('camera'), time('from'), time('to')));
  if (path.endsWith('/video.mp4')) {
    const from = time('from');
    const to = Math.min(from + MINUTE, Date.now());
    if (to - from < 1000) return problem(response, 404, 'no_footage', 'nothing was recorded in this range');
    const query = new URLSearchParams({ stream: 'main', from: new Date(from).toISOString(), to: new Date(to).toISOString() });
    return file(request, response, footage, 'video/mp4', { 'Content-Location': `${url.pathname}?${query}` });
  }
  if (/^\/snapshots\/.*\.jpg$/.test(path) && request.method === 'DELETE') {
    const id = decodeURIComponent(path.slice('/snapshots/'.length, -'.jpg'.length));
    alarms.snapshots = alarms.snapshots.filter((one) => one.id !== id);
    response.writeHead(204);
    return response.end();
  }
  if (/^\/snapshots\/.*\.jpg$/.test(path) || path.endsWith('/snapshot.jpg')) return file(request, response, picture, 'image/jpeg');
  whole(request, (body) => {
    const { method, headers } = request;
    const found =
      (scene !== 'old' && /^\/(layouts|preferences)\b/.test(path) ? kept.answer(method, path, headers, body, who.user) : undefined) ??
      accounts.answer(method, path, url.searchParams, body, who) ??
      backups.answer(method, path, url.searchParams, body, who.user, headers) ??
      settings.answer(method, path, url.searchParams, body, who.user, headers) ??
      past.answer(method, path, url.searchParams, body, who.user) ??
      alarms.answer(method, path, url.searchParams, body, who.user);
    reply(response, found ?? [404, 'not_found', `nothing is at ${url.pathname}`]);
  });
});

/** `[status, body, headers]`, or `[status, code, detail, more]` of a problem. */
function reply(response, [status, value, ...rest]) {
  if (status >= 400) return problem(response, status, value, ...rest);
  if (typeof value === 'string') {
    response.writeHead(status, rest[0]);
    return response.end(value);
  }
  if (status !== 204) return json(response, value, status, rest[0]);
  response.writeHead(204);
  return response.end();
}

/** A body of JSON; nothing counts as nothing. */
function whole(request, then) {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => then(JSON.parse(body || '{}')));
}

function frame(opcode, body) {
  const head = body.length < 126 ? Buffer.from([0x80 | opcode, body.length]) : Buffer.alloc(body.length < 65536 ? 4 : 10);
  if (head.length === 4) head.writeUInt16BE(body.length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(body.length), 2);
  if (head.length > 2) head.set([0x80 | opcode, head.length === 4 ? 126 : 127]);
  return Buffer.concat([head, body]);
}

server.on('upgrade', (request, socket) => {
  const url = new URL(request.url, 'http://mock');
  const id = /cameras\/([^/]+)\/live/.exec(url.pathname)?.[1];
  const name = url.searchParams.get('stream') ?? 'main';
  const known = cameras.find((one) => one.id === id)?.streams[name];
  const news = url.pathname === '/api/v1/events/live' && Date.now() > alarms.deaf;
  if (!accounts.of(request) || !(known || news)) return socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
  const viewer = {
    greeted: false,
    json: (value) => socket.write(frame(1, Buffer.from(JSON.stringify(value)))),
    binary: (bytes) => socket.write(frame(2, bytes)),
    hangUp: () => socket.destroy(),
  };
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    if ((data[0] & 15) === 8) socket.end(frame(8, Buffer.alloc(0)));
  });
  sockets.add(socket);
  if (news) {
    alarms.listeners.add(viewer);
    const alive = setInterval(() => viewer.json({}), 10_000);
    return socket.on('close', () => {
      clearInterval(alive);
      sockets.delete(socket);
      alarms.listeners.delete(viewer);
    });
  }
  const key = `${id}/${name}`;
  const options = { size: `${known.width}x${known.height}`, label: id, codec: known.codec, sound: known.audio !== null };
  if (!feeds.has(key)) feeds.set(key, new Feed(options));
  const leave = () => {
    sockets.delete(socket);
    feeds.get(key).remove(viewer);
  };
  socket.on('close', leave);
  feeds.get(key).add(viewer);
});

server.listen(port, '127.0.0.1', () => console.log(`mock recorder (${scene}) at http://127.0.0.1:${port}, up ${new Date(started).toISOString()}`));
