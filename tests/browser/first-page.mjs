// The first pages of a running recorder in Chromium, at 1440 and 390 px: signs in, watches the wall, opens
// each camera, plays footage, uses the keyboard, signs out. Exit 1 with the first thing that is wrong.
//
//   VIGIE_URL=http://127.0.0.1:8080 VIGIE_USER=demo VIGIE_PASSWORD=… node first-page.mjs
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, check, environment, launch, visitor } from './harness.mjs';

const PLAYS_MS = 30_000;
/** Footage that must be there before it is played. */
const FOOTAGE_MS = 12_000;
/** The bar is asked for every 5 s. */
const BAR_LAG_MS = 12_000;

const settings = environment();

class Visit {
  constructor({ context, page }, size) {
    Object.assign(this, { context, page, size });
  }

  async api(path) {
    const response = await this.context.request.get(settings.origin + path);
    check(response.ok(), `GET ${path}: ${response.status()} ${await response.text()}`);
    return response.json();
  }

  say(text) {
    console.log(`${this.size.width} px: ${text}`);
  }

  async picture(name) {
    if (!settings.screenshots) return;
    mkdirSync(settings.screenshots, { recursive: true });
    const { width, scheme } = this.size;
    await this.page.screenshot({ path: join(settings.screenshots, `${name}-${width}-${scheme}.png`) });
  }

  tile(id) {
    return this.page.locator(`article[data-camera="${id}"]`);
  }

  /** As somebody with a mouse, or with a finger. */
  async reach(tile) {
    await tile.scrollIntoViewIfNeeded();
    if (this.size.width < 600) await tile.tap();
    else await tile.hover();
  }

  /** From the wall to a camera's own page. */
  async open(camera) {
    await this.tile(camera.id).getByRole('link', { name: camera.name }).click();
    await this.page.getByRole('heading', { level: 1, name: camera.name }).waitFor();
    await this.page.getByRole('slider').waitFor();
  }

  async back() {
    await this.page.keyboard.press('Escape');
    await this.page.locator('[data-window]').first().waitFor();
  }

  async signIn() {
    const { page } = this;
    await page.goto(settings.origin);
    await page.getByLabel('Name').waitFor();
    await this.picture('sign-in');
    check(await page.getByLabel('Name').evaluate((input) => input === document.activeElement), 'the name is not focused');
    await page.keyboard.type(settings.user);
    await page.keyboard.press('Tab');
    await page.keyboard.type(settings.password);
    await page.keyboard.press('Enter');
    await page.locator('article').first().waitFor();
    this.say('signed in by keyboard');
  }

  /** Waits until the video of a camera has played for a second; its state then. */
  async plays(tile, what) {
    const video = tile.locator('video');
    const state = () =>
      video.evaluate((v) => ({
        time: v.currentTime,
        width: v.videoWidth,
        height: v.videoHeight,
        muted: v.muted,
        behind: v.buffered.length ? v.buffered.end(v.buffered.length - 1) - v.currentTime : 0,
        error: v.error?.message ?? null,
        window: { ...v.closest('.window').dataset },
        says: v.closest('.window').innerText,
      }));
    const deadline = Date.now() + PLAYS_MS;
    let first = null;
    for (;;) {
      const now = await state();
      // A jump to the live edge is no playing: count from after it.
      if (first === null || now.time < first.time || now.time - first.time > 20) first = now.width > 0 ? now : null;
      else if (now.time >= first.time + 1) return now;
      check(Date.now() < deadline, `${what} does not play: ${JSON.stringify(now)}`);
      await this.page.waitForTimeout(200);
    }
  }

  async live(camera) {
    const tile = this.tile(camera.id);
    await tile.scrollIntoViewIfNeeded();
    await tile.locator('.window[data-mode="live"][data-phase="playing"]').waitFor({ timeout: PLAYS_MS });
    const stream = camera.streams.sub ?? camera.streams.main;
    if (stream.codec === 'mjpeg') {
      check(await tile.locator('canvas').isVisible(), `${camera.id}: no Motion JPEG picture`);
      return this.say(`${camera.id}: Motion JPEG`);
    }
    const seen = await this.plays(tile, `${camera.id} live`);
    check(
      seen.width === stream.width && seen.height === stream.height,
      `${camera.id}: the picture is ${seen.width}×${seen.height}, the API says ${stream.width}×${stream.height}`,
    );
    check(seen.muted, `${camera.id} is not muted`);
    this.say(`${camera.id}: live, ${seen.width}×${seen.height}, ${seen.behind.toFixed(2)} s buffered`);
  }

  async recordings(id) {
    const to = Date.now() + 1_000;
    const query = new URLSearchParams({ camera: id, from: new Date(to - 3_600_000).toISOString(), to: new Date(to).toISOString() });
    return this.api(`/api/v1/recordings?${query}`);
  }

  /** The bar tells what the API tells. */
  async bar(camera) {
    const tile = this.tile(camera.id);
    const deadline = Date.now() + 60_000;
    for (;;) {
      const { segments, gaps } = await this.recordings(camera.id);
      const footage = segments.reduce((sum, s) => sum + Date.parse(s.end) - Date.parse(s.start), 0);
      const bands = await tile.locator('.band').evaluateAll((all) => all.map(({ dataset }) => [Number(dataset.from), Number(dataset.to)]));
      const first = segments[0] && Math.max(Date.parse(segments[0].start), Date.now() - 3_600_000);
      const last = segments.at(-1) && Date.parse(segments.at(-1).end);
      const holes = await tile.locator('.hole').count();
      const same =
        footage >= FOOTAGE_MS &&
        bands.length > 0 &&
        Math.abs(bands[0][0] - first) < 5_000 &&
        Math.abs(bands.at(-1)[1] - last) < BAR_LAG_MS &&
        holes === gaps.length;
      if (same) {
        this.say(`${camera.id}: bar shows ${Math.round(footage / 1000)} s of footage, ${holes} gaps, as the API does`);
        return { first, last };
      }
      const facts = JSON.stringify({ bands, holes, first, last, gaps: gaps.length, footage });
      check(Date.now() < deadline, `${camera.id}: the bar is not what the API says: ${facts}`);
      await this.page.waitForTimeout(500);
    }
  }

  async recorded(camera, tile, what) {
    await tile.locator('.window[data-mode="recorded"][data-phase="playing"]').waitFor({ timeout: PLAYS_MS }).catch(async () => {
      throw new Failure(`${camera.id}: ${what}: ${await tile.locator('.window').innerText()}`);
    });
    return this.plays(tile, `${camera.id}: ${what}`);
  }

  async playback(camera) {
    const tile = this.tile(camera.id);
    const bar = tile.getByRole('slider');
    const band = await tile.locator('.band').last().boundingBox();
    await this.page.mouse.click(band.x + band.width / 2, band.y + band.height / 2);
    const seen = await this.recorded(camera, tile, 'a click on the bar');
    const main = camera.streams.main;
    check(seen.width === main.width, `${camera.id}: footage is ${seen.width} wide, the main stream ${main.width}`);
    check(/Recorded[^]*\d\d:\d\d:\d\d/.test(seen.says), `${camera.id}: no time over the footage: ${seen.says}`);
    await this.picture('playback');

    await tile.getByRole('button', { name: 'Pause' }).click();
    await tile.locator('.window[data-phase="paused"]').waitFor();
    await tile.getByRole('button', { name: 'Play', exact: true }).click();
    await tile.getByLabel('Speed').selectOption('2');
    check((await tile.locator('video').evaluate((v) => v.playbackRate)) === 2, 'speed 2 is not taken');
    await tile.getByRole('button', { name: 'Back to live' }).click();
    await tile.locator('.window[data-mode="live"][data-phase="playing"]').waitFor({ timeout: PLAYS_MS });
    await this.plays(tile, `${camera.id} back live`);

    await bar.focus();
    check(/^\d\d:\d\d:\d\d/.test((await bar.getAttribute('aria-valuetext')) ?? ''), 'the bar tells no time');
    await this.page.keyboard.press('Home');
    await this.page.keyboard.press('Enter');
    await this.recorded(camera, tile, 'Enter on the bar');
    await this.page.keyboard.press('l');
    await tile.locator('.window[data-mode="live"][data-phase="playing"]').waitFor({ timeout: PLAYS_MS });
    this.say(`${camera.id}: footage plays by click and by keyboard, and goes back to live`);
  }

  /** From the top of the page by Tab: everything is reached, and seen to be. */
  async keyboard(camera) {
    const { page } = this;
    // Tab comes to one window of the wall, the one that was last used; arrows lead to the others.
    await this.tile(camera.id).focus();
    await page.getByRole('link', { name: 'Skip to content' }).focus();
    const reached = [];
    while (reached.length < 60) {
      await page.keyboard.press('Tab');
      if (await page.evaluate(() => document.activeElement === document.body)) break;
      const at = await page.evaluate(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const name = element.getAttribute('aria-label') ?? element.innerText;
        return { name, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
      });
      check(at.seen, `the focus on "${at.name}" cannot be seen`);
      reached.push(at.name);
    }
    for (const name of ['Menu of', 'How many windows', 'Presets', 'Sequence', 'Full screen', `Window 1: ${camera.name}`, 'Play the last minute', `Save a picture of ${camera.name}`, `More for ${camera.name}`]) {
      check(reached.some((one) => one.startsWith(name)), `Tab does not reach "${name}": ${reached.join(', ')}`);
    }
    const tile = this.tile(camera.id);
    await tile.focus();
    await page.keyboard.press('Enter');
    const deadline = Date.now() + PLAYS_MS;
    for (;;) {
      const seen = await this.plays(tile, `${camera.id} at full size`);
      if (seen.width === camera.streams.main.width) break;
      check(Date.now() < deadline, `${camera.id} at full size shows ${seen.width} px, main has ${camera.streams.main.width}`);
    }
    check((await page.locator('[data-window]:visible').count()) === 1, 'at full size other windows are seen');
    await this.picture('full-size');
    await page.keyboard.press('Escape');
    await page.locator('[data-window]').nth(1).waitFor();
    check(await tile.evaluate((element) => element === document.activeElement), 'the way back leaves the focus nowhere');
    this.say('keyboard: all reached, full size and back');
  }

  async sound(camera) {
    const tile = this.tile(camera.id);
    await this.reach(tile);
    await tile.getByRole('button', { name: 'Unmute' }).click();
    await tile.locator('.window[data-phase="playing"]').waitFor({ timeout: PLAYS_MS });
    const seen = await this.plays(tile, `${camera.id} with sound`);
    check(!seen.muted, `${camera.id} stays muted`);
    await tile.getByRole('button', { name: 'Mute', exact: true }).click();
    this.say(`${camera.id}: sound on and off`);
  }

  async signOut() {
    await this.page.getByRole('button', { name: /^Menu of / }).click();
    await this.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await this.page.getByLabel('Password').waitFor();
    const response = await this.context.request.get(`${settings.origin}/api/v1/cameras`);
    check(response.status() === 401, `after signing out the API still answers ${response.status()}`);
    this.say('signed out');
  }
}

async function visit(browser, size) {
  const guest = await visitor(browser, settings.origin, size);
  const here = new Visit(guest, size);
  await here.signIn();
  const live = (all) => all.filter(({ state, streams }) => state === 'live' && Object.values(streams).every((s) => s.state === 'live' && s.width));
  const deadline = Date.now() + PLAYS_MS;
  let cameras = await here.api('/api/v1/cameras');
  while (live(cameras).length < cameras.length && Date.now() < deadline) {
    await guest.page.waitForTimeout(500);
    cameras = await here.api('/api/v1/cameras');
  }
  check(live(cameras).length > 0, `no camera is live: ${JSON.stringify(cameras)}`);
  check((await guest.page.locator('article[data-camera]').count()) === cameras.length, 'the page does not show every camera');
  for (const camera of live(cameras)) await here.live(camera);
  await guest.page.evaluate(() => scrollTo(0, 0));
  await here.picture('wall');
  const [first] = live(cameras);
  for (const camera of live(cameras)) {
    await here.open(camera);
    await here.bar(camera);
    if (camera === first) {
      await here.picture('camera');
      await here.playback(camera);
    }
    await here.back();
  }
  await here.keyboard(first);
  const loud = live(cameras).find(({ streams }) => ['aac', 'opus'].includes((streams.sub ?? streams.main).audio));
  if (loud) await here.sound(loud);
  const wider = await guest.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wider <= 0, `the page is ${wider} px wider than the window`);
  const shift = await guest.page.evaluate(() => window.layoutShift);
  check(shift < 0.02, `the layout moves: ${shift}`);
  await here.signOut();
  check(guest.faults.length === 0, `the page did what it must not:\n  ${guest.faults.join('\n  ')}`);
  await guest.context.close();
}

const browser = await launch();
try {
  await visit(browser, { width: 1440, height: 900, scheme: 'light' });
  await visit(browser, { width: 390, height: 844, scheme: 'dark' });
  if (settings.screenshots) {
    for (const size of [{ width: 1440, height: 900, scheme: 'dark' }, { width: 390, height: 844, scheme: 'light' }]) {
      const guest = await visitor(browser, settings.origin, size);
      const here = new Visit(guest, size);
      await here.signIn();
      const cameras = (await here.api('/api/v1/cameras')).filter(({ state }) => state === 'live');
      for (const camera of cameras) await here.live(camera);
      await here.picture('wall');
      await guest.context.close();
    }
  }
  console.log('first page: all well');
} catch (error) {
  console.error(`first page: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
