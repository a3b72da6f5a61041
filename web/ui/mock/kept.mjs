// What pages keep with the recorder: layouts under a name, and each user's preferences.

const MOST_BYTES = 16 << 10;

export class Kept {
  layouts = new Map();
  preferences = new Map();
  revisions = 0;

  /** [status, body] or [status, code, detail]; undefined: no such place. */
  answer(method, path, headers, body, user) {
    if (path === '/preferences') {
      if (method === 'GET') return [200, this.preferences.get(user.name) ?? {}];
      if (JSON.stringify(body).length > MOST_BYTES) return [422, 'refused', 'preferences take at most 16 KiB'];
      this.preferences.set(user.name, body);
      return [200, body];
    }
    if (path === '/layouts' && method === 'GET') {
      return [200, [...this.layouts.values()].filter(({ shared, owner }) => shared || owner === user.name)];
    }
    const id = /^\/layouts\/([a-z0-9_-]{1,40})$/.exec(path)?.[1];
    if (!id) return undefined;
    const known = this.layouts.get(id);
    const may = !known || known.owner === user.name || user.group === 'administrator';
    if (!may) return [403, 'forbidden', `${id} belongs to ${known.owner}`];
    const stale = (known && headers['if-none-match'] === '*') || (headers['if-match'] !== undefined && headers['if-match'] !== `"${known?.revision}"`);
    if (stale) return [412, 'stale', `${id} has been changed by somebody else`];
    if (method === 'PUT') {
      if (JSON.stringify(body.body).length > MOST_BYTES) return [422, 'refused', 'a layout takes at most 16 KiB'];
      const { name, body: own, shared = false } = body;
      const layout = { id, name, body: own, shared, owner: known?.owner ?? user.name, revision: String((this.revisions += 1)) };
      this.layouts.set(id, layout);
      return [known ? 200 : 201, layout];
    }
    if (method === 'DELETE') return this.layouts.delete(id) ? [204] : [404, 'not_found', `there is no layout ${id}`];
    return undefined;
  }
}
