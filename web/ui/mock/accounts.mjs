// Users, groups, sessions, tokens, the second factor and the audit log of the mock recorder.
// Codes of the second factor: 123456. User `second` has one. VIGIE_MOCK_SETUP=1: no owner yet, the link is "first".

const iso = (ms) => new Date(ms).toISOString();
const CAMERA = ['live', 'playback', 'export', 'record', 'protect', 'delete'];
const EVERYTHING = { house: ['alarms', 'system', 'configure', 'users'], every_camera: CAMERA, cameras: {} };

export class Accounts {
  constructor(setup) {
    this.setup = setup;
    this.groups = [
      { name: 'administrator', built_in: true, rights: EVERYTHING },
      { name: 'advanced', built_in: true, rights: { house: ['alarms', 'system'], every_camera: CAMERA.slice(0, 5), cameras: {} } },
      { name: 'ordinary', built_in: true, rights: { house: [], every_camera: ['live', 'playback'], cameras: {} } },
      { name: 'guards', built_in: false, rights: { house: ['alarms'], every_camera: ['live'], cameras: { gate: ['playback', 'protect'] } } },
    ];
    const user = (name, group, more = {}) => ({ name, group, enabled: true, created: iso(Date.now() - 1e9), cameras: null, second_factor: false, last_seen: iso(Date.now() - 3e6), password: name, ...more });
    this.users = setup ? [] : [user('demo', 'administrator'), user('guest', 'ordinary', { cameras: ['gate', 'lobby'] }), user('second', 'advanced', { second_factor: true }), user('former', 'ordinary', { enabled: false, last_seen: null })];
    this.sessions = new Map();
    this.tokens = [{ id: 't1', name: 'Home Assistant', owner: 'demo', rights: { house: ['alarms'], every_camera: ['live'], cameras: {} }, created: iso(Date.now() - 8e8), expires: iso(Date.now() + 8e9), used: iso(Date.now() - 6e5) }];
    this.audit = Array.from({ length: 240 }, (_, i) => this.entry(i));
  }

  entry(i) {
    const all = [
      ['signed_in', 'demo', null, 'by password'],
      ['watched', 'guest', 'gate', 'main, 4 min'],
      ['sign_in_refused', null, null, 'name "admin", wrong password'],
      ['configuration', 'demo', null, 'camera gate: motion.sensitivity'],
      ['exported', 'demo', 'lobby', '10:00:00 to 10:05:00'],
    ];
    const [kind, user, camera, text] = all[(i * 3) % all.length];
    return { at: iso(Date.now() - i * 700_000), id: `a${1000 - i}`, kind, user, peer: '192.0.2.50', camera, text };
  }

  body(user) {
    const rights = this.groups.find(({ name }) => name === user.group)?.rights ?? EVERYTHING;
    return { name: user.name, group: user.group, rights, second_factor: user.second_factor, recovery_codes: user.second_factor ? 8 : null, idle_minutes: 30 };
  }

  /** A session's cookie. */
  enter(user, request) {
    const token = Math.random().toString(36).slice(2);
    this.sessions.set(token, { id: `s${this.sessions.size + 1}`, user: user.name, created: iso(Date.now()), peer: '127.0.0.1', agent: request.headers['user-agent'] ?? null });
    user.last_seen = iso(Date.now());
    return [201, this.body(user), { 'Set-Cookie': `vigie_session=${token}; Path=/; HttpOnly; SameSite=Strict` }];
  }

  of(request) {
    const token = /vigie_session=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
    const session = this.sessions.get(token);
    return session && { token, session, user: this.users.find(({ name }) => name === session.user) };
  }

  /** What may be asked by whoever is not signed in. */
  open(method, path, body, request) {
    if (path === '/setup' && method === 'GET') return [200, { needed: this.setup }];
    if (path === '/setup') {
      if (!this.setup) return [409, 'conflict', 'this recorder has an owner already'];
      if (body.link !== 'first') return [403, 'forbidden', 'this set-up link is wrong or was used already: take the newest one from the log'];
      if (body.password.length < 8) return [400, 'bad_request', 'password: seen 5 characters, expected 8 or more'];
      this.setup = false;
      const owner = { name: body.name, group: 'administrator', enabled: true, created: iso(Date.now()), cameras: null, second_factor: false, last_seen: null, password: body.password };
      this.users.push(owner);
      return this.enter(owner, request);
    }
    if (path !== '/session' || method !== 'POST') return null;
    const user = this.users.find(({ name, enabled }) => name === body.name && enabled);
    if (!user || user.password !== body.password) return [401, 'unauthenticated', 'sign in first'];
    if (user.second_factor && body.code !== '123456') return [401, 'code_needed', 'a code of the second factor is needed'];
    return this.enter(user, request);
  }

  answer(method, path, query, body, { user, session, token }) {
    const [, thing, id, verb] = path.split('/').map(decodeURIComponent);
    const shown = ({ password, ...rest }) => rest;
    const manages = user.group === 'administrator';
    if (thing === 'session' && id === undefined) {
      if (method === 'GET') return [200, this.body(user)];
      this.sessions.delete(token);
      return [204];
    }
    if (thing === 'session') return this.own(method, id, body, user);
    if (thing === 'sessions') {
      if (method === 'DELETE') {
        for (const [key, one] of this.sessions) if (one.id === id) this.sessions.delete(key);
        return [204];
      }
      const all = [...this.sessions.values()].filter((one) => manages || one.user === user.name);
      return [200, all.map((one) => ({ ...one, seen: iso(Date.now()), current: one === session, watching: one === session ? [{ camera: 'gate', stream: 'main', how: 'page' }] : [] }))];
    }
    if (thing === 'tokens') {
      if (method === 'GET') return [200, this.tokens];
      if (method === 'DELETE') this.tokens = this.tokens.filter((one) => one.id !== id);
      if (method === 'DELETE') return [204];
      const made = { id: `t${Date.now()}`, owner: user.name, created: iso(Date.now()), expires: null, used: null, ...body };
      this.tokens.push(made);
      return [201, { ...made, token: 'vigie_9f2c41d07b6e4a3f8d1c' }];
    }
    if (!['users', 'groups', 'audit'].includes(thing)) return null;
    if (!manages) return [403, 'forbidden', `${user.name} may not manage users`];
    if (thing === 'audit') {
      const found = this.audit.filter((one) => (!query.get('kind') || one.kind === query.get('kind')) && (!query.get('user') || one.user === query.get('user')) && (!query.get('to') || one.at < query.get('to')));
      const limit = Number(query.get('limit') ?? 100);
      return [200, { entries: found.slice(0, limit), next: found.length > limit ? found[limit - 1].at : null }];
    }
    if (thing === 'groups') {
      if (method === 'GET') return [200, this.groups];
      if (method === 'DELETE' && this.users.some(({ group }) => group === id)) return [409, 'conflict', `group ${id}: users are in it`];
      this.groups = this.groups.filter(({ name }) => name !== id);
      if (method === 'DELETE') return [204];
      this.groups.push({ name: id, built_in: false, rights: body.rights });
      return [200, this.groups.at(-1)];
    }
    if (method === 'GET') return [200, this.users.map(shown)];
    if (method === 'POST') {
      if (this.users.some(({ name }) => name === body.name)) return [409, 'conflict', `there is a user ${body.name} already`];
      if (body.password.length < 8) return [400, 'bad_request', 'password: expected 8 characters or more'];
      this.users.push({ enabled: true, created: iso(Date.now()), cameras: null, second_factor: false, last_seen: null, ...body });
      return [201, shown(this.users.at(-1))];
    }
    const one = this.users.find(({ name }) => name === id);
    if (!one) return [404, 'not_found', `there is no user ${id}`];
    const last = one.group === 'administrator' && this.users.filter(({ group, enabled }) => group === 'administrator' && enabled).length === 1;
    if (last && (method === 'DELETE' || body.enabled === false || (body.group && body.group !== 'administrator'))) return [409, 'conflict', `${id} is the last one who may manage users`];
    if (method === 'DELETE') this.users = this.users.filter((other) => other !== one);
    else Object.assign(one, body);
    return method === 'DELETE' ? [204] : [200, shown(one)];
  }

  own(method, what, body, user) {
    if (what === 'password') {
      if (body.old !== user.password) return [403, 'forbidden', 'the old password is wrong'];
      user.password = body.new;
      return [204];
    }
    if (what !== 'second-factor') return null;
    if (method === 'PUT') {
      if (body.code !== '123456') return [403, 'forbidden', 'this code is wrong: check the clock of the phone'];
      user.second_factor = true;
      return [200, { recovery_codes: Array.from({ length: 10 }, (_, i) => `${(i * 7919 + 10_007).toString(36)}-${(i * 104_729 + 99_991).toString(36)}`) }];
    }
    if (body.password !== user.password) return [403, 'forbidden', 'the password is wrong'];
    if (method === 'DELETE') user.second_factor = false;
    return method === 'DELETE' ? [204] : [200, { secret: 'JBSWY3DPEHPK3PXP', uri: `otpauth://totp/Vigie%20Lobby:${user.name}?secret=JBSWY3DPEHPK3PXP&issuer=Vigie%20Lobby` }];
  }
}
