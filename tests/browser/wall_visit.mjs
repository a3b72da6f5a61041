// One visitor of a running recorder's live wall.
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { check, visitor } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const WAIT_MS = 30_000;

export class Wall {
  /** `before` runs in the page before anything of it does. */
  static async enter(browser, settings, size, before) {
    const guest = await visitor(browser, settings.origin, size);
    const here = Object.assign(new Wall(), guest, { settings, size });
    if (before) await guest.context.addInitScript(before);
    await guest.page.goto(settings.origin);
    await guest.page.getByLabel('Name').fill(settings.user);
    await guest.page.getByLabel('Password').fill(settings.password);
    await guest.page.keyboard.press('Enter');
    await guest.page.locator('[data-window]').first().waitFor();
    // Older recorders keep no presets; browsers tell of that by themselves.
    here.keeps = (await here.ask('GET', '/layouts')).status === 200;
    await here.until('two cameras are not live', async () => {
      here.cameras = (await here.get('/cameras')).filter(({ state, streams }) => state === 'live' && Object.values(streams).every((one) => one.width));
      return { ok: here.cameras.length >= 2, seen: here.cameras.map(({ id }) => id) };
    });
    return here;
  }

  say(text) {
    console.log(`${this.size.width} px: ${text}`);
  }

  async picture(name) {
    const { screenshots } = this.settings;
    if (!screenshots) return;
    mkdirSync(screenshots, { recursive: true });
    const { width, scheme } = this.size;
    await this.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`) });
  }

  /** A state of the page, looked at: nothing that axe finds (WCAG 2.2 AA), and a picture of it. */
  async look(name) {
    await this.picture(name);
    await this.page.evaluate(AXE);
    const { violations } = await this.page.evaluate((values) => window.axe.run({ exclude: ['header .home'] }, { runOnly: { type: 'tag', values } }), RULES);
    const words = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map(({ html, any }) => `${html.slice(0, 140)} ${any.map(({ message }) => message).join('; ')}`).join('\n    ')}`);
    check(words.length === 0, `${name} (${this.size.width} ${this.size.scheme}): axe finds\n  ${words.join('\n  ')}`);
  }

  async ask(method, path, more = {}) {
    const headers = { connection: 'close', ...more.headers };
    const response = await this.context.request.fetch(`${this.settings.origin}/api/v1${path}`, { method, ...more, headers });
    return { status: response.status(), body: await response.json().catch(() => null) };
  }

  async get(path) {
    const { status, body } = await this.ask('GET', path);
    check(status === 200, `GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async camera(id) {
    return (await this.get('/cameras')).find((one) => one.id === id);
  }

  /** Since when a camera is recorded without a hole, in ms since 1970; now if it is not. */
  async recordedSince(id) {
    const now = Date.now();
    const [from, to] = [now - 600_000, now].map((at) => new Date(at).toISOString());
    const { cameras } = await this.get(`/timeline?cameras=${id}&from=${from}&to=${to}&step=1`);
    return cameras[0].footage.at(-1)?.[0] ?? now;
  }

  /** Waits until `what` is so; says what was seen last. */
  async until(words, what) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const { ok, seen } = await what();
      if (ok) return;
      check(Date.now() < deadline, `${words}: ${JSON.stringify(seen)}`);
      await this.page.waitForTimeout(150);
    }
  }

  window(place) {
    return this.page.locator(`[data-window="${place}"]`);
  }

  /** Which camera stands where: `['gate', null, …]`. */
  standing() {
    return this.page.locator('[data-window]').evaluateAll((all) => all.map(({ dataset }) => dataset.camera ?? null));
  }

  async stands(expected, words) {
    await this.until(words, async () => {
      const seen = await this.standing();
      return { ok: expected.every((id, place) => (seen[place] ?? null) === id), seen };
    });
  }

  /** Waits until the picture of a window goes on; its size then. */
  async plays(place, what) {
    const video = this.window(place).locator('video');
    const state = () => video.evaluate((v) => ({ time: v.currentTime, width: v.videoWidth, height: v.videoHeight, says: v.closest('.window').innerText }));
    let first = null;
    let last = null;
    await this.until(`${what}: no picture`, async () => {
      last = await state();
      if (first === null || last.time < first.time || last.width !== first.width) first = last.width > 0 ? last : null;
      return { ok: first !== null && last.time >= first.time + 0.5, seen: last };
    });
    return last;
  }

  /** The tools of a window, as somebody with a mouse or with a finger gets them. */
  async tools(place) {
    const window = this.window(place);
    if (this.size.width < 600) await window.tap({ position: { x: 60, y: 40 } });
    else await window.hover({ position: { x: 60, y: 60 } });
    const tools = window.getByRole('toolbar', { name: /^Tools of/ });
    await tools.waitFor();
    return tools;
  }

  /** Opens what a button of the wall's bar has to offer. */
  async flyout(name) {
    await this.page.getByRole('button', { name: new RegExp(`^${name}(:|$)`) }).click();
  }

  async choose(flyout, button) {
    await this.flyout(flyout);
    await this.page.getByRole('button', { name: button, exact: true }).click();
  }

  /** The list of cameras stands beside the wall. */
  async list(open) {
    const show = this.page.getByRole('button', { name: 'Show the list of cameras' });
    if ((await show.isVisible()) === open) {
      await this.page.getByRole('button', { name: open ? 'Show the list of cameras' : 'Hide the list of cameras' }).first().click();
    }
  }

  async dragTo(from, to) {
    const [a, b] = [await from.boundingBox(), await to.boundingBox()];
    const { mouse } = this.page;
    await mouse.move(a.x + Math.min(50, a.width / 2), a.y + a.height / 2);
    await mouse.down();
    await mouse.move(a.x + a.width / 2 + 20, a.y + a.height / 2 + 10, { steps: 3 });
    await mouse.move(b.x + b.width / 2, b.y + b.height / 2, { steps: 5 });
    await this.page.locator('.cargo').waitFor();
    await mouse.up();
    await this.page.locator('.cargo').waitFor({ state: 'detached' });
  }

  async leave() {
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wider <= 0, `the page is ${wider} px wider than the window`);
    const shift = await this.page.evaluate(() => window.layoutShift);
    check(shift < 0.02, `the layout moves: ${shift}`);
    const wrong = this.faults.filter((fault) => this.keeps || !fault.includes('/api/v1/layouts'));
    check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
    await this.context.close();
  }
}
