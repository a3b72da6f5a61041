// One visitor of a running recorder's pages.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { faint } from './contrast.mjs';
import { check, visitor } from './harness.mjs';

export const WAIT_MS = 60_000;
/** What goes on is still there then. */
const TOMORROW = 86_400_000;

export class Visit {
  static async enter(browser, settings, size, { user, password }) {
    const guest = await visitor(browser, settings.origin, size);
    const here = Object.assign(new Visit(), guest, { settings, size, user, cut: false, lines: [] });
    await guest.page.routeWebSocket(/\/events\/live$/, (line) => {
      if (here.cut) return line.close();
      line.connectToServer();
      here.lines.push(line);
    });
    await guest.page.goto(settings.origin);
    await guest.page.getByLabel('Name').fill(user);
    await guest.page.getByLabel('Password').fill(password);
    await guest.page.keyboard.press('Enter');
    await guest.page.locator('article').first().waitFor();
    here.camera = (await here.get('/cameras')).find(({ state }) => state === 'live');
    check(here.camera, 'no camera is live');
    return here;
  }

  say(text) {
    console.log(`${this.size.width} px ${this.user}: ${text}`);
  }

  async picture(name) {
    const { screenshots } = this.settings;
    if (!screenshots) return;
    mkdirSync(screenshots, { recursive: true });
    const { width, scheme } = this.size;
    await this.page.screenshot({ path: join(screenshots, `${name}-${width}-${scheme}.png`) });
  }

  async ask(method, path, data) {
    // A connection kept for later may be closed by the recorder just when it is used again.
    const headers = { connection: 'close' };
    const response = await this.context.request.fetch(`${this.settings.origin}/api/v1${path}`, { method, headers, ...(data ? { data } : {}) });
    return { status: response.status(), body: await response.json().catch(() => null) };
  }

  async get(path) {
    const { status, body } = await this.ask('GET', path);
    check(status === 200, `GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async post(path, data) {
    const { status, body } = await this.ask('POST', path, data);
    check(status < 300, `POST ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async goingOn() {
    return (await this.get(`/events?limit=1000&from=${new Date(Date.now() + TOMORROW).toISOString()}`)).events;
  }

  /** Waits until `what` is true; says what was seen last. */
  async until(words, what) {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const { ok, seen } = await what();
      if (ok) return;
      check(Date.now() < deadline, `${words}: ${JSON.stringify(seen)}`);
      await this.page.waitForTimeout(250);
    }
  }

  get section() {
    return this.page.getByRole('region', { name: 'Alarms', exact: true });
  }

  /** Messages and live views that are in the way of what comes next. */
  async clearPopups() {
    const close = this.page.getByRole('button', { name: /^(Dismiss|Close the live view)/ });
    await this.until('pop-ups do not go', async () => {
      const seen = await close.count();
      if (seen > 0) await close.first().click({ timeout: 2_000 }).catch(() => {});
      return { ok: seen === 0, seen };
    });
  }

  tile() {
    return this.page.locator(`article[data-camera="${this.camera.id}"]`);
  }

  /** The camera's tools, as somebody with a mouse or with a finger gets them. */
  async reach() {
    await this.close();
    if (this.size.width < 600) await this.tile().tap();
    else await this.tile().hover();
  }

  /** The panel lies over the pictures. */
  async close() {
    const button = this.section.getByRole('button', { name: 'Hide inputs and outputs' });
    if (await button.isVisible()) await button.click();
  }

  async open() {
    const button = this.section.getByRole('button', { name: 'Show inputs and outputs' });
    if (await button.isVisible()) await button.click();
    await this.section.locator('.body').waitFor();
  }

  async readable(selector) {
    const words = await faint(this.page, selector);
    check(words.length === 0, `hard to read (${this.size.scheme}): ${words.join('; ')}`);
  }

  async leave() {
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wider <= 0, `the page is ${wider} px wider than the window`);
    const wrong = this.faults.filter((fault) => !/WebSocket|403 \(Forbidden\)/.test(fault));
    check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
    await this.context.close();
  }
}
