// The playback page of a running recorder in Chromium, at 1440 and 390 px, with up to four of its
// cameras: in step after jumps and after a while, timeline and filter, a range downloaded and read by
// ffprobe, tags read back by a second client. Exit 1 with the first thing that is wrong.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node playback.mjs
//   VIGIE_SAME=a,b,c,d   cameras that film the demo's yard: their pictures are compared
//   VIGIE_WHILE=300      seconds of playing before the measurement after a while (30)
//   VIGIE_SHOWN=1        needs four cameras, and plays for 300 s
//   VIGIE_LEAST_WITHIN=0.5  the share of moments that must be in step (0.9)
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faint } from './contrast.mjs';
import { Failure, check, environment, launch, visitor } from './harness.mjs';
import { barsApart, spread } from './in_step.mjs';

const WAIT_MS = 60_000;
const MEASURE_MS = 5_000;
/** A nudge takes a moment, on a busy machine some. */
const SETTLED_MS = 15_000;
/** A browser on a busy machine leaves out a picture now and then. */
const LEAST_WITHIN = Number(process.env.VIGIE_LEAST_WITHIN ?? 0.9);
/** Of footage that must be there. */
const LEAST_S = 150;
/** So long ago it is opened: going back from there is still within that. */
const OPENED_S = 100;
const settings = environment();
const same = (process.env.VIGIE_SAME ?? '').split(',').filter(Boolean);
const full = process.env.VIGIE_SHOWN === '1';
const whileS = Number(process.env.VIGIE_WHILE ?? (full ? 300 : 30));
const MOST = 4;
const folder = mkdtempSync(join(tmpdir(), 'vigie-playback-'));

class Visit {
  constructor({ context, page, faults }, size) {
    Object.assign(this, { context, page, faults, size });
  }

  say(text) {
    console.log(`${this.size.width} px: ${text}`);
  }

  /** As a second client: not the page's requests. */
  async ask(method, path, data) {
    const response = await this.context.request.fetch(`${settings.origin}/api/v1${path}`, { method, headers: { connection: 'close' }, ...(data ? { data } : {}) });
    return { status: response.status(), body: await response.json().catch(() => null) };
  }

  async get(path) {
    const { status, body } = await this.ask('GET', path);
    check(status === 200, `GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  async until(words, what, ms = WAIT_MS) {
    const deadline = Date.now() + ms;
    for (;;) {
      const { ok, seen } = await what();
      if (ok) return seen;
      check(Date.now() < deadline, `${words}: ${JSON.stringify(seen)}`);
      await this.page.waitForTimeout(200);
    }
  }

  async picture(name) {
    if (!settings.screenshots) return;
    mkdirSync(settings.screenshots, { recursive: true });
    const { width, scheme } = this.size;
    await this.page.screenshot({ path: join(settings.screenshots, `playback-${name}-${width}-${scheme}.png`) });
  }

  async signIn() {
    const { page } = this;
    await page.goto(settings.origin);
    await page.getByLabel('Name').fill(settings.user);
    await page.getByLabel('Password').fill(settings.password);
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Playback' }).first().waitFor();
  }

  /** Cameras that were recorded for long enough. */
  async cameras() {
    const least = full ? MOST : 2;
    const before = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();
    this.ids = await this.until(`not ${LEAST_S} s of footage of ${least} cameras at least`, async () => {
      const live = (await this.get('/cameras')).filter(({ state }) => state === 'live').map(({ id }) => id);
      const found = [];
      const [from, to] = [before(LEAST_S + 50), before(0)];
      for (const id of same.length > 0 ? same : live) {
        const { segments } = await this.get(`/recordings?camera=${id}&from=${from}&to=${to}`);
        const ms = segments.reduce((sum, one) => sum + Date.parse(one.end) - Math.max(Date.parse(from), Date.parse(one.start)), 0);
        if (ms > LEAST_S * 1000 && found.length < MOST) found.push(id);
      }
      return { ok: found.length >= Math.max(least, Math.min(MOST, live.length)), seen: found };
    }, WAIT_MS + LEAST_S * 1000);
    this.has = { timeline: (await this.ask('GET', `/timeline?cameras=${this.ids[0]}&from=${before(LEAST_S)}&to=${before(0)}&step=1`)).status !== 404, tags: (await this.ask('GET', '/tags')).status !== 404 };
  }

  /** What the page says the time is, in ms since 1970. */
  async time() {
    return Date.parse(await this.page.locator('.clock time').getAttribute('datetime'));
  }

  async all(phase) {
    await this.until(`not every camera is ${phase}`, async () => {
      const seen = await this.page.locator('figure[data-camera]').evaluateAll((all) =>
        all.map((one) => {
          const { currentTime, seeking, readyState, buffered } = one.querySelector('video');
          const ranges = Array.from({ length: buffered.length }, (_, i) => [buffered.start(i), buffered.end(i)]);
          return { camera: one.dataset.camera, phase: one.dataset.phase, currentTime, seeking, readyState, ranges };
        }),
      );
      return { ok: seen.length === this.ids.length && seen.every((one) => one.phase === phase), seen };
    });
  }

  async inStep(when) {
    await this.all('shown');
    const begun = Date.now();
    await this.until(`${when}: cameras do not come into step`, async () => {
      const seen = await spread(this.page, 1_000);
      return { ok: seen.cameras === this.ids.length && seen.within >= LEAST_WITHIN, seen };
    }, SETTLED_MS);
    const settled = ((Date.now() - begun) / 1000).toFixed(1);
    const seen = await spread(this.page, MEASURE_MS);
    check(seen.cameras === this.ids.length && seen.moments > 50, `${when}: not all cameras play: ${JSON.stringify(seen)}`);
    check(seen.within >= LEAST_WITHIN, `${when}: cameras are up to ${seen.most} ms apart, within a picture at ${seen.within * 100} % of moments: ${JSON.stringify(seen)}`);
    let words = `looked at for ${settled} s until in step, then ${seen.cameras} cameras within one picture (${seen.picture} ms) at ${seen.within * 100} % of ${seen.moments} moments, median ${seen.median} ms, most ${seen.most} ms`;
    if (same.length > 0) {
      const apart = [];
      for (let i = 0; i < 20; i++) {
        const bars = await barsApart(this.page, this.ids);
        check(bars.every(({ fits }) => fits), `${when}: the pictures are not the same bars`);
        apart.push(Math.max(...bars.map(({ pictures }) => pictures)) - Math.min(...bars.map(({ pictures }) => pictures)));
        await this.page.waitForTimeout(137);
      }
      const within = apart.filter((pictures) => pictures <= 1).length / apart.length;
      check(within >= LEAST_WITHIN, `${when}: the bars are ${apart} pictures apart`);
      words += `; their bars within one picture at ${within * 100} % of ${apart.length} looks`;
    }
    this.say(`${when}: ${words}`);
  }

  async open() {
    const at = new Date(Date.now() - OPENED_S * 1000).toISOString();
    await this.page.goto(`${settings.origin}/playback?cameras=${this.ids.join(',')}&at=${at}`);
    await this.inStep('after opening');
    const time = await this.time();
    check(Math.abs(time - Date.parse(at) - 10_000) < 25_000, `opened at ${at}, plays ${new Date(time).toISOString()}`);
    await this.picture('four');
  }

  async jumps() {
    const { page } = this;
    const before = await this.time();
    await page.getByRole('button', { name: 'Back 30 seconds' }).click();
    check(Math.abs((await this.time()) - before + 30_000) < 4_000, 'back by 30 s is not 30 s');
    await this.inStep('after going back 30 s');
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.waitForTimeout(500);
    const still = await this.time();
    await page.waitForTimeout(1_500);
    check((await this.time()) === still, 'the clock runs while it is paused');
    check(new URL(page.url()).searchParams.get('at') !== null, 'the address does not say what is seen');
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await this.inStep('after a pause');
  }

  async speeds() {
    const { page } = this;
    const speed = page.getByRole('combobox', { name: 'Speed' });
    for (const [value, least, most] of [['0.25', 0.15, 0.35], ['4', 2.5, 5]]) {
      await page.getByRole('button', { name: 'Back 30 seconds' }).click();
      await this.all('shown');
      await speed.selectOption(value);
      await this.all('shown');
      const [begun, from] = [Date.now(), await this.time()];
      await page.waitForTimeout(6_000);
      const ran = ((await this.time()) - from) / (Date.now() - begun);
      check(ran > least && ran < most, `at ${value}× footage ran ${ran.toFixed(2)} times as fast as time`);
      await speed.selectOption('1');
    }
    this.say('speeds: ¼ and 4');
  }

  async large() {
    const { page } = this;
    await page.locator('figure[data-camera]').nth(1).dblclick();
    await this.until('not one camera alone', async () => ({ ok: (await page.locator('figure[data-camera]').count()) === 1, seen: 0 }));
    await page.locator('figure[data-phase="shown"]').waitFor({ timeout: WAIT_MS });
    const main = (await this.get('/cameras')).find(({ id }) => id === this.ids[1]).streams.main;
    await this.until('alone it is not the main stream', async () => {
      const seen = await page.locator('figure video').evaluate((video) => video.videoWidth);
      return { ok: seen === main.width, seen };
    });
    await this.picture('one');
    await page.keyboard.press('Escape');
    await this.inStep('after one alone');
  }

  /** The colour on the canvas at a moment, of the first lane. */
  pixel(time) {
    return this.page.locator('.track').evaluate((track, time) => {
      const canvas = track.querySelector('canvas');
      const part = (time - Number(track.dataset.from)) / (Number(track.dataset.to) - Number(track.dataset.from));
      const lane = canvas.height / document.querySelectorAll('.names li').length;
      return [...canvas.getContext('2d').getImageData(Math.round(part * canvas.width), Math.round(lane * 0.8), 1, 1).data].join();
    }, time);
  }

  async timeline() {
    const { page } = this;
    if (!this.has.timeline) {
      await page.getByText('older than the timeline').waitFor();
      return this.say('NOT SHOWN: timeline (this recorder has none; the page says so)');
    }
    const track = page.locator('.track');
    await page.getByRole('button', { name: '5 min', exact: true }).click();
    await page.locator('.track[data-busy="false"]').waitFor();
    const [from, to] = await track.evaluate((one) => [Number(one.dataset.from), Number(one.dataset.to)]);
    check(Math.abs(to - from - 300_000) < 1_000, `5 min are ${to - from} ms`);
    const told = await this.get(`/timeline?cameras=${this.ids[0]}&from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}&step=1`);
    const [, footage] = [0, told.cameras[0].causes.schedule ?? []];
    const [a, b] = footage.at(-1) ?? [0, 0];
    check(b - a > 20_000, `the API tells of no footage by schedule: ${JSON.stringify(told)}`);
    const middle = (a + Math.min(b, Date.now() - 20_000)) / 2;
    const lit = await this.pixel(middle);
    await page.locator('button[data-cause="schedule"]').click();
    const dimmed = await this.until('the filter changes nothing', async () => {
      const seen = await this.pixel(middle);
      return { ok: seen !== lit, seen };
    });
    await page.locator('button[data-cause="schedule"]').click();
    await this.until('the filter does not go', async () => {
      const seen = await this.pixel(middle);
      return { ok: seen === lit, seen: [seen, lit, dimmed] };
    });
    const box = await track.boundingBox();
    await track.click({ position: { x: ((middle - from) / (to - from)) * box.width, y: 6 } });
    const time = await this.time();
    check(time - middle > -3_000 && time - middle < 4_000, `a click on ${new Date(middle).toISOString()} plays ${new Date(time).toISOString()}`);
    await this.inStep('after a click on the timeline');
    await track.focus();
    const length = () => track.evaluate((one) => Number(one.dataset.to) - Number(one.dataset.from));
    await page.keyboard.press('+');
    await this.until('plus does not zoom', async () => {
      const seen = await length();
      return { ok: Math.abs(seen / 300_000 - 0.6) < 0.01, seen };
    });
    await page.keyboard.press('Home');
    await this.until('the timeline does not say what is there', async () => {
      const seen = await track.getAttribute('aria-valuetext');
      return { ok: /\d\d:\d\d:\d\d/.test(seen) && /recorded|no footage|nothing/.test(seen), seen };
    });
    await page.keyboard.press('-');
    await this.wheel(box);
    this.say('timeline: filter, click, keys and wheel');
  }

  /** From an hour to a month and back; how long each step took to be drawn. */
  async wheel(box) {
    const { page } = this;
    const took = await page.evaluate(async ({ x, y }) => {
      const track = document.querySelector('.track');
      const took = [];
      for (let i = 0; i < 60; i++) {
        const begun = performance.now();
        track.dispatchEvent(new WheelEvent('wheel', { deltaY: i < 30 ? 120 : -120, clientX: x, clientY: y, bubbles: true, cancelable: true }));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        took.push(performance.now() - begun);
      }
      return took.sort((a, b) => a - b);
    }, { x: box.x + box.width / 2, y: box.y + 6 });
    this.say(`wheel: a step is drawn in ${Math.round(took[30])} ms (median), ${Math.round(took[57])} ms (95 %)`);
    await page.mouse.move(0, 0);
  }

  async download() {
    const { page } = this;
    await page.keyboard.press('Escape');
    const speed = page.getByRole('button', { name: 'Pause' });
    if (await speed.isVisible()) await speed.click();
    await page.getByRole('button', { name: 'Back 30 seconds' }).click();
    await this.all('shown');
    const from = await this.time();
    await page.getByRole('button', { name: 'Mark a range' }).click();
    await page.getByRole('button', { name: 'Forward 30 seconds' }).click();
    await page.getByRole('heading', { name: 'Playback' }).focus().catch(() => {});
    await page.keyboard.press('o');
    const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^Download the range/ }).click()]);
    const path = join(folder, file.suggestedFilename());
    await file.saveAs(path);
    const probed = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path]).toString());
    const seconds = Number(probed.format.duration);
    check(Math.abs(seconds - 30) < 1.2, `30 s were marked, the file has ${seconds} s`);
    check(probed.streams.some(({ codec_type }) => codec_type === 'video'), 'the file has no pictures');
    await this.picture('range');
    await page.getByRole('button', { name: 'Remove the range' }).click();
    const [still] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^Save the picture/ }).click()]);
    await still.saveAs(join(folder, 'still.jpg'));
    const bytes = readFileSync(join(folder, 'still.jpg'));
    check(bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.length > 2_000, 'the picture is no JPEG');
    this.say(`downloaded: ${seconds.toFixed(2)} s of footage from ${new Date(from).toISOString()} (ffprobe), a picture of ${bytes.length} bytes`);
  }

  async tags() {
    const { page } = this;
    await page.getByRole('button', { name: 'Tags', exact: true }).click();
    if (!this.has.tags) {
      await page.getByText('older than tags').waitFor();
      await page.getByRole('button', { name: 'Tags', exact: true }).click();
      return this.say('NOT SHOWN: tags (this recorder has none; the page says so)');
    }
    const text = `Delivery <b>${Date.now()}</b>`;
    const at = await this.time();
    await page.getByLabel('Words for this moment').fill(text);
    await page.getByRole('button', { name: 'Tag this moment' }).click();
    const row = page.locator('li[data-tag]').filter({ hasText: text });
    await row.waitFor();
    const told = (await this.get('/tags')).find((tag) => tag.text === text);
    check(told && Math.abs(Date.parse(told.at) - at) < 2_000, `the API tells ${JSON.stringify(told)}, set at ${new Date(at).toISOString()}`);
    await this.picture('tags');
    await row.getByRole('button', { name: /^Rename/ }).click();
    const other = `${text} again`;
    await page.locator('.edit input').fill(other);
    await page.keyboard.press('Enter');
    await page.locator('li[data-tag]').filter({ hasText: other }).waitFor();
    check((await this.get('/tags')).find(({ id }) => id === told.id)?.text === other, 'the API does not tell the new words');
    await page.getByRole('button', { name: 'Forward 30 seconds' }).click();
    await page.getByRole('button', { name: `Play ${other}`, exact: false }).click();
    check(Math.abs((await this.time()) - at) < 2_000, 'the tag does not lead to its moment');
    await page.locator('li[data-tag]').filter({ hasText: other }).getByRole('button', { name: /^Delete/ }).click();
    await page.getByRole('button', { name: 'Delete', exact: true }).click();
    await this.until('the tag stays', async () => {
      const seen = (await this.get('/tags')).filter(({ id }) => id === told.id);
      return { ok: seen.length === 0, seen };
    });
    await page.getByRole('button', { name: 'Tags', exact: true }).click();
    this.say('a tag: set, renamed, jumped to, deleted, as a second client sees');
  }

  async leave() {
    const { page } = this;
    await page.mouse.move(0, 0);
    const words = await faint(page, '.page');
    check(words.length === 0, `hard to read (${this.size.scheme}): ${words.join('; ')}`);
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wider <= 0, `the page is ${wider} px wider than the window`);
    const shift = await page.evaluate(() => window.layoutShift);
    check(shift < 0.05, `the layout moves: ${shift}\n  ${(await page.evaluate(() => window.moved)).join('\n  ')}`);
    const missing = /404 \(Not Found\) .*\/(timeline|tags)/;
    const wrong = this.faults.filter((fault) => !missing.test(fault) || (this.has.timeline && this.has.tags));
    check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
    await this.context.close();
  }
}

async function visit(browser, size) {
  const here = new Visit(await visitor(browser, settings.origin, size), size);
  await here.signIn();
  await here.cameras();
  await here.open();
  await here.jumps();
  await here.timeline();
  await here.speeds();
  await here.large();
  if (size.width > 600) {
    await here.page.waitForTimeout(whileS * 1000);
    await here.inStep(`after ${whileS} s`);
  }
  await here.tags();
  await here.download();
  await here.leave();
}

const browser = await launch();
try {
  await visit(browser, { width: 1440, height: 900, scheme: 'light' });
  await visit(browser, { width: 390, height: 844, scheme: 'dark' });
  console.log('playback: all well');
} catch (error) {
  console.error(`playback: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
