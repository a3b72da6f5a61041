// Backups, the factory reset and the service of disks of the mock recorder, in the shapes of the API.
// A backup's second line says what it is of; its password stands in the third, readable by everybody.

const HOLDS = 'and holds 1240 files of footage, 71.3 GiB; gate from 2026-09-02T06:00:00Z to 2026-11-02T18:30:00Z';
const iso = (ms) => new Date(ms).toISOString();

export class Backups {
  constructor(settings, accounts) {
    this.settings = settings;
    this.accounts = accounts;
    this.states = { d1: 'online', d2: 'foreign' };
  }

  /** What each disk says of itself; those that are not in use say no figures. */
  stand(disks) {
    const whys = { foreign: 'is another recorder’s', released: 'was released', blank: 'is empty' };
    return disks.map(({ total_bytes, free_bytes, footage_bytes, ...disk }) => {
      const state = this.states[disk.disk] ?? 'blank';
      const why = whys[state];
      return { ...disk, state, error: why ? `disk ${disk.disk}: ${disk.path} ${why}` : null, ...(why ? {} : { total_bytes: total_bytes ?? 2e12, free_bytes: free_bytes ?? 1.9e12, footage_bytes: footage_bytes ?? 0 }) };
    });
  }

  answer(method, path, query, body, user, headers) {
    if (path === '/system/info') {
      const info = this.settings.info();
      return [200, { ...info, disks: this.stand(info.disks) }];
    }
    if (method !== 'POST') return null;
    const [, thing, id, command] = path.split('/').map(decodeURIComponent);
    const mine = ['backup', 'restore', 'factory-reset'].includes(thing) || (thing === 'disks' && command);
    if (!mine) return null;
    if (user.group !== 'administrator') return [403, 'forbidden', `${user.name} may not do this`];
    if (thing === 'backup') return this.make(body);
    if (thing === 'restore') return this.restore(query, body, user, headers);
    if (thing === 'factory-reset') return this.reset(body, user);
    return this.serve(id, command, body);
  }

  make({ password }) {
    const { length } = password;
    if (length < 8) return [400, 'bad_request', `the password has ${length} characters: use at least 8`];
    const head = { name: this.settings.tables.server.name, saved: iso(Date.now()), version: '0.1.0' };
    const file = `vigie backup 1\n${JSON.stringify(head)}\n${JSON.stringify({ password, tables: this.settings.tables })}\n`;
    return [200, file, { 'Content-Type': 'application/octet-stream', 'Content-Disposition': `attachment; filename="lobby-${head.saved.slice(0, 10)}.vigie"` }];
  }

  restore(query, { file, password }, user, headers) {
    const [first, head, contents] = Buffer.from(file, 'base64').toString().split('\n');
    if (!first.startsWith('vigie backup ')) return [400, 'bad_request', 'the file is no backup of Vigie: expected one that begins with "vigie backup 1"'];
    if (contents === undefined) return [400, 'bad_request', 'the backup is cut off: seen 12 bytes, expected 13; copy it again'];
    const inside = JSON.parse(contents);
    if (inside.password !== password) return [400, 'bad_request', 'the password is not the one that the backup was made with'];
    const [status, made, ...rest] = this.settings.make(inside.tables, { match: headers['if-match'], tryOnly: query.get('try_only') === 'true', user });
    if (status !== 200) return [status, made, ...rest];
    return [200, { ...made, of: JSON.parse(head), people: ['user guard: added', 'tags: 3 put back'], notes: ['server.http: stays as it is on this machine'], signed_out: false }];
  }

  reset({ password }, user) {
    if (password !== user.password) return [403, 'forbidden', 'the password is wrong'];
    const { server, disk } = this.settings.tables;
    this.settings.make({ server: { state_dir: server.state_dir, http: server.http }, disk }, { tryOnly: false, user });
    this.settings.history = this.settings.history.slice(0, 1);
    Object.assign(this.accounts, { setup: true, users: [], tokens: [] });
    this.accounts.sessions.clear();
    return [200, { setup: '/setup?link=first' }];
  }

  serve(id, command, { erase, note }) {
    const state = this.states[id];
    const done = (next, ...text) => {
      this.states[id] = next;
      return [200, { text }];
    };
    if (state === undefined) return [404, 'no_disk', `there is no disk ${id} in the configuration`];
    if (command === 'prepare' && ['foreign', 'released'].includes(state) && !erase) {
      return [409, 'holds_footage', `disk ${id}: /srv/vigie/${id}/footage is recorder 7d3c's ${HOLDS}: nothing was changed; preparing it with erase deletes all of it, adopting it keeps it`];
    }
    if (erase && !note?.trim()) return [400, 'bad_request', 'note: say why the disk is erased'];
    if (command === 'prepare') return done('online', erase ? `disk ${id} is ready; erased: 1240 files of footage, 71.3 GiB` : `disk ${id} is ready`);
    if (command === 'adopt') return done('online', state === 'foreign' ? `disk ${id} is this recorder's now, with 1240 files of footage, 71.3 GiB; recorded by 7d3c` : `disk ${id} is in service again`);
    if (command === 'retire') return done('retired', `disk ${id} is retired: nothing new is begun there, and its footage stays until retention takes it`);
    return done('released', `disk ${id} is closed: unmount and pull it; it is used again when it is back`);
  }
}
