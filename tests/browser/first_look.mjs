// The first look at a demonstration: every step's link is followed, done as it says, and what came of it read back
// over the API; then the panel is closed, and called back. Exit 1 with the first thing that is wrong.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node first_look.mjs      (`vigie demo` prints them)
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
import { Failure, check, environment, launch } from './harness.mjs';
import { Wall } from './wall_visit.mjs';

const settings = environment();
const STEPS = ['watch', 'playback', 'ring', 'events', 'motion', 'camera'];
/** Somebody walks by at least as often, and is told of a while after. */
const WALK_MS = 75_000;

class Newcomer {
  static async enter(browser, size) {
    const here = Object.assign(new Newcomer(), { wall: await Wall.enter(browser, settings, size) });
    here.page = here.wall.page;
    // The one before had another window.
    await here.wall.ask('PUT', '/preferences', { data: {} });
    await here.home();
    return here;
  }

  say(text) {
    this.wall.say(text);
  }

  get panel() {
    return this.page.getByRole('complementary', { name: 'A first look' });
  }

  async home() {
    await this.page.goto(settings.origin);
    await this.page.locator('[data-window]').first().waitFor();
    await this.panel.waitFor();
  }

  async follow(step, path) {
    await this.home();
    await this.panel.locator(`[data-step="${step}"]`).click();
    await this.wall.until(`the link of ${step} leads elsewhere`, async () => {
      const { pathname } = new URL(this.page.url());
      return { ok: pathname === path, seen: pathname };
    });
  }

  async save() {
    await this.page.getByRole('button', { name: 'Save…' }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.locator('[data-list="changes"] li').first().waitFor();
    await dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  async entry(table, id) {
    return ((await this.wall.get('/config'))[table] ?? []).find((one) => one.id === id);
  }

  async eventually(words, within, what) {
    const deadline = Date.now() + within;
    for (;;) {
      const seen = await what();
      if (seen) return seen;
      check(Date.now() < deadline, words);
      await this.page.waitForTimeout(300);
    }
  }

  async looks() {
    const links = await this.panel.locator('[data-step]').evaluateAll((all) => all.map(({ dataset }) => [dataset.step, dataset.done !== undefined]));
    check(JSON.stringify(links) === JSON.stringify(STEPS.map((step) => [step, false])), `the steps are ${JSON.stringify(links)}`);
    await this.wall.plays(0, 'beside the panel');
    await this.wall.look('first-look');
    const wider = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    check(wider <= 0, `the page is ${wider} px wider than the window`);
    const { shift, moved } = await this.page.evaluate(() => ({ shift: window.layoutShift, moved: window.moved }));
    check(shift < 0.02, `the layout moves: ${shift}\n  ${moved.join('\n  ')}`);
    // On a phone it is below the pictures.
    await this.panel.scrollIntoViewIfNeeded();
    await this.wall.picture('first-look-panel');
    this.say('six steps beside the pictures, none done; nothing moves, nothing that axe finds');
  }

  async watch() {
    await this.follow('watch', '/cameras/gate');
    await this.page.locator('.window[data-mode="live"][data-phase="playing"]').first().waitFor();
    const { motion } = await this.wall.camera('gate');
    check(motion?.watching, `motion is not looked for: ${JSON.stringify(motion)}`);
    check(!(await this.page.locator('main').innerText()).includes('not looked for'), 'the page says that motion is not looked for');
    this.say('watched live; motion is looked for');
  }

  async playback() {
    await this.follow('playback', '/playback');
    await this.page.locator('figure[data-camera="gate"]').waitFor();
    await this.page.locator('figure[data-camera="yard"]').waitFor();
    if (this.wall.size.width < 600) check(await this.page.getByText('Missing, with its cause', { exact: true }).first().isVisible(), 'the legend lacks what is missing');
    await this.eventually('motion was not recorded', WALK_MS, async () => {
      const to = Date.now() + 1_000;
      const asked = new URLSearchParams({ camera: 'gate', from: new Date(to - 3_600_000).toISOString(), to: new Date(to).toISOString() });
      const { segments } = await this.wall.get(`/recordings?${asked}`);
      const causes = new Set(segments.flatMap((one) => one.causes));
      return causes.has('schedule') && causes.has('motion');
    });
    // What moves above the ground, and the clock below it, count for nothing.
    for (const id of ['gate', 'yard']) {
      await this.eventually(`motion never ends at the ${id}`, WALK_MS, async () => {
        const { motion } = await this.wall.camera(id);
        return motion.watching && !motion.moving;
      });
    }
    await this.wall.picture('first-look-playback');
    this.say('played back; recorded continuously and for motion, which ends');
  }

  async ring() {
    await this.follow('ring', '/');
    const alarms = this.page.getByRole('region', { name: 'Alarms', exact: true });
    const since = new Date(Date.now() - 1_000).toISOString();
    await alarms.getByRole('button', { name: 'Trigger Door bell' }).click();
    const rang = await this.eventually('the bell was not heard', 10_000, async () => {
      const { events } = await this.wall.get(`/events?limit=100&from=${new Date(Date.now() + 86_400_000).toISOString()}`);
      return events.find((one) => one.kind === 'sensor') ?? null;
    });
    await this.eventually('the siren does not howl', 10_000, async () => (await this.wall.get('/outputs')).find(({ id, on }) => id === 'siren' && on));
    const goingOn = async () => (await this.wall.get(`/events?limit=100&from=${new Date(Date.now() + 86_400_000).toISOString()}`)).events.find(({ id }) => id === rang.id);
    await this.wall.until('it was not done as the rule says', async () => {
      const seen = (await goingOn())?.actions ?? [];
      const done = new Set(seen.filter(({ rule, state }) => rule === 'bell' && state === 'done').map(({ what }) => what));
      return { ok: ['snapshot', 'output', 'popup_video', 'popup_message'].every((what) => done.has(what)) && seen.some(({ what }) => what === 'record'), seen };
    });
    const { snapshots } = await this.wall.get(`/snapshots?event=${rang.id}`);
    check(snapshots.length === 2, `${snapshots.length} pictures were taken, since ${since}`);
    await this.page.getByRole('button', { name: /^(Dismiss|Close the live view)/ }).first().waitFor();
    await this.wall.picture('first-look-ring');
    // They lie over the page.
    const popup = this.page.getByRole('button', { name: /^(Dismiss|Close the live view)/ });
    await this.wall.until('pop-ups do not go', async () => {
      const seen = await popup.count();
      if (seen > 0) await popup.first().click({ timeout: 2_000 }).catch(() => {});
      return { ok: seen === 0, seen };
    });
    await alarms.getByRole('button', { name: 'Clear Door bell' }).click();
    await this.eventually('the siren never ends', 20_000, async () => (await this.wall.get('/outputs')).find(({ id, on }) => id === 'siren' && !on));
    this.say(`rang: ${rang.actions.length} actions, 2 pictures, the siren on and off`);
  }

  async events() {
    await this.follow('events', '/events');
    await this.page.getByText('Door bell').first().waitFor();
    await this.wall.picture('first-look-events');
    const { events } = await this.wall.get('/events?limit=1000');
    const kinds = new Set(events.map(({ kind }) => kind));
    check(kinds.has('motion') && kinds.has('sensor'), `there are events of ${[...kinds]}`);
    this.say('the events tell of motion and of the bell');
  }

  async motion() {
    await this.follow('motion', '/settings/motion/gate');
    const { area: before } = (await this.entry('camera', 'gate')).motion;
    const cell = this.page.locator('[data-cell="0,0"]');
    await cell.focus();
    await this.page.keyboard.press('Space');
    await this.save();
    const { area } = (await this.entry('camera', 'gate')).motion;
    check(JSON.stringify(area) !== JSON.stringify(before), `the area is still ${JSON.stringify(area)}`);
    this.say('a motion area is drawn and saved');
  }

  async camera() {
    await this.follow('camera', '/settings/cameras');
    await this.page.getByRole('button', { name: 'Add a camera', exact: true }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('Mine');
    await dialog.getByRole('button', { name: 'Continue' }).click();
    const { url } = (await this.entry('camera', 'yard')).main;
    await this.page.getByLabel('Address', { exact: true }).first().fill(url);
    await this.save();
    check((await this.entry('camera', 'mine')).main.url === url, 'the camera is not saved');
    check((await this.wall.ask('DELETE', '/config/camera/mine')).status < 300, 'the camera cannot be taken away');
    this.say('a camera of one’s own is added');
  }

  async ticksAndEnd() {
    await this.home();
    check((await this.panel.locator('[data-done]').count()) === STEPS.length, 'not every step is ticked');
    await this.wall.look('first-look-done');
    const kept = (await this.wall.get('/preferences')).first_look;
    check(JSON.stringify(kept.done) === JSON.stringify(STEPS), `the recorder keeps ${JSON.stringify(kept)}`);
    await this.panel.getByRole('button', { name: 'Close the first look' }).click();
    await this.panel.waitFor({ state: 'detached' });
    await this.wall.until('that it was closed is not kept', async () => {
      const seen = (await this.wall.get('/preferences')).first_look;
      return { ok: seen.closed === true, seen };
    });
    await this.page.goto(settings.origin);
    await this.page.locator('[data-window]').first().waitFor();
    check((await this.panel.count()) === 0, 'what was closed is back');
    await this.page.getByRole('button', { name: /^Menu of/ }).click();
    await this.page.getByRole('menuitem', { name: 'A first look' }).click();
    await this.panel.waitFor();
    this.say('all ticked; closed for good, and called back from the menu');
  }
}

const browser = await launch();
try {
  for (const size of [{ width: 1440, height: 900, scheme: 'dark' }, { width: 390, height: 844, scheme: 'light' }]) {
    const here = await Newcomer.enter(browser, size);
    for (const part of ['looks', 'watch', 'playback', 'ring', 'events', 'motion', 'camera', 'ticksAndEnd']) await here[part]();
    await here.wall.leave();
  }
  if (settings.screenshots) {
    for (const size of [{ width: 1440, height: 900, scheme: 'light' }, { width: 390, height: 844, scheme: 'dark' }]) {
      const here = await Newcomer.enter(browser, size);
      await here.looks();
      await here.wall.leave();
    }
  }
  console.log('first look: all well');
} catch (error) {
  console.error(`first look: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
