// The settings pages against a running recorder: what is saved is read back over the API.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node settings.mjs [step …]
// What it adds has ids that begin with "try-" and is taken away again.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { check, environment, launch, visitor } from './harness.mjs';

const settings = environment();
const SIZES = [
  { width: 1440, height: 900, scheme: 'dark' },
  { width: 390, height: 844, scheme: 'light' },
];
const MINE = /^try-/;

class Owner {
  static async enter(browser, size) {
    const guest = await visitor(browser, settings.origin, size);
    const here = Object.assign(new Owner(), guest, { size });
    await here.page.goto(settings.origin);
    await here.signIn();
    return here;
  }

  async signIn() {
    await this.page.getByLabel('Name', { exact: true }).fill(settings.user);
    await this.page.getByLabel('Password', { exact: true }).fill(settings.password);
    await this.page.keyboard.press('Enter');
    await this.page.getByRole('button', { name: /^Menu of/ }).waitFor();
  }

  say(text) {
    console.log(`${this.size.width} px: ${text}`);
  }

  async picture(name) {
    if (!settings.screenshots) return;
    mkdirSync(settings.screenshots, { recursive: true });
    await this.page.screenshot({ path: join(settings.screenshots, `${name}-${this.size.width}-${this.size.scheme}.png`) });
  }

  async api(method, path, data) {
    const response = await this.context.request.fetch(`${settings.origin}/api/v1${path}`, { method, headers: { connection: 'close' }, ...(data ? { data } : {}) });
    return { status: response.status(), body: await response.json().catch(() => null) };
  }

  async entry(table, id) {
    const { body } = await this.api('GET', '/config');
    return (body[table] ?? []).find((one) => one.id === id);
  }

  /** Rules first: they name the others. */
  async tidyUp() {
    for (const table of ['rule', 'camera', 'schedule']) {
      const { body } = await this.api('GET', '/config');
      for (const { id } of body[table] ?? []) if (MINE.test(id)) await this.api('DELETE', `/config/${table}/${id}`);
    }
  }

  async open(section, entry) {
    await this.page.goto(`${settings.origin}/settings/${section}${entry ? `/${entry}` : ''}`);
    await this.page.locator('h1:visible').first().waitFor();
  }

  async add(section, name, button) {
    await this.open(section);
    await this.page.getByRole('button', { name: button ?? 'Add', exact: true }).click();
    const dialog = this.page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill(name);
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await this.page.getByRole('heading', { level: 1, name }).waitFor();
  }

  get dialog() {
    return this.page.getByRole('dialog');
  }

  /** Asks for the preview, and saves what it shows. */
  async save() {
    await this.page.getByRole('button', { name: 'Save…' }).click();
    await this.dialog.locator('[data-list="changes"] li').first().waitFor();
    await this.picture('preview');
    await this.dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    await this.page.getByRole('button', { name: 'Save…' }).waitFor({ state: 'detached' });
  }

  async cell(row, column) {
    const cell = this.page.locator(`[data-cell="${row},${column}"]`);
    await cell.scrollIntoViewIfNeeded();
    const box = await cell.boundingBox();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }

  async schedule() {
    await this.add('schedules', 'Try week');
    const [from, to] = [await this.cell(0, 16), await this.cell(4, 35)];
    await this.page.mouse.move(from.x, from.y);
    await this.page.mouse.down();
    await this.page.mouse.move(to.x, to.y, { steps: 4 });
    await this.page.mouse.up();
    // Saturday from 10 to 11, by keys.
    await this.page.locator('[data-cell="5,20"]').focus();
    await this.page.keyboard.press('Shift+ArrowRight');
    await this.page.keyboard.press('Space');
    await this.picture('week');
    await this.save();
    const saved = await this.entry('schedule', 'try-week');
    check(JSON.stringify(saved.weekdays) === '["08:00-18:00"]' && JSON.stringify(saved.sat) === '["10:00-11:00"]', `the week is ${JSON.stringify(saved)}`);
    this.say('a week drawn with the mouse and by keys is saved');
  }

  async camera() {
    const { body } = await this.api('GET', '/config');
    const source = body.camera.find(({ id }) => !MINE.test(id)).main.url;
    await this.add('cameras', 'Try camera', 'Add a camera');
    const address = this.page.getByLabel('Address', { exact: true }).first();
    await address.fill('gopher://192.0.2.1/picture');
    await this.page.getByRole('button', { name: 'Save…' }).click();
    const fault = this.page.locator('.field .error').first();
    await fault.waitFor();
    const refused = await this.api('PUT', '/config/camera/try-camera?try_only=true', { main: { url: 'gopher://192.0.2.1/picture' } });
    check(refused.status === 422, `the recorder takes gopher: ${refused.status}`);
    check((await fault.innerText()).includes(refused.body.problems[0].text), 'the field does not show the recorder’s own words');
    check((await address.getAttribute('aria-invalid')) === 'true', 'the field is not marked');
    await this.picture('refused');
    await address.fill(source);
    await this.page.getByRole('button', { name: 'Test: Main stream' }).click();
    await this.page.locator('[data-probe="ok"], [data-probe] .bad-words').first().waitFor();
    await this.picture('tested');
    await this.save();
    check((await this.entry('camera', 'try-camera')).main.url === source, 'the camera is not saved');
    this.say('a camera: refused in the recorder’s words at its field, tested, saved');
  }

  async secret() {
    await this.open('cameras', 'try-camera');
    await this.page.getByLabel('User name', { exact: true }).fill('viewer');
    const password = this.page.getByLabel('Password', { exact: true });
    await password.pressSequentially('hush');
    check((await password.inputValue()) === 'hush', 'what is typed as a password does not stay');
    await this.save();
    const saved = (await this.entry('camera', 'try-camera')).password;
    check(saved !== undefined && saved !== 'hush', `the password is shown as ${saved}`);
    check((await password.inputValue()) === '', 'a saved password is still in the page');
    this.say('a password is typed, saved, and shown to nobody');
  }

  /** The session ends by itself: what was typed is there again, but for secrets. */
  async kept() {
    await this.open('cameras', 'try-camera');
    const name = this.page.getByLabel('Name', { exact: true });
    const before = await name.inputValue();
    await name.fill('Kept camera');
    await this.page.getByLabel('Password', { exact: true }).fill('hush');
    await this.context.clearCookies();
    await this.page.getByRole('button', { name: 'Sign in' }).waitFor({ timeout: 90_000 });
    await this.signIn();
    await this.page.getByText('What you had typed is here again').waitFor();
    await this.page.getByText('Passwords and keys are to be typed again').waitFor();
    check((await name.inputValue()) === 'Kept camera', `the name is ${await name.inputValue()}`);
    check((await this.page.getByLabel('Password', { exact: true }).inputValue()) === '', 'a password was kept');
    await this.picture('kept');
    await this.page.getByRole('button', { name: 'Discard' }).click();
    check((await name.inputValue()) === before, 'it is not discarded');
    this.say('what was typed outlives the session, without secrets');
  }

  async motion() {
    await this.open('motion', 'try-camera');
    await this.page.locator('[data-cell="0,0"]').focus();
    for (let i = 0; i < 3; i++) await this.page.keyboard.press('Shift+ArrowRight');
    await this.page.keyboard.press('Shift+ArrowDown');
    await this.page.keyboard.press('Space');
    await this.save();
    const { area } = (await this.entry('camera', 'try-camera')).motion;
    check(area[0].startsWith('....X') && area[1].startsWith('....X') && !area[2].includes('.'), `the area is ${JSON.stringify(area.slice(0, 3))}`);
    this.say('a motion area drawn by keys is saved');
  }

  async rule() {
    await this.add('rules', 'Try rule');
    await this.page.getByLabel('Camera offline', { exact: true }).check();
    await this.page.getByRole('group', { name: 'Record', exact: true }).getByLabel('Try camera').check();
    await this.page.getByLabel('Only then').selectOption('try-week');
    await this.save();
    const saved = await this.entry('rule', 'try-rule');
    check(JSON.stringify([saved.on, saved.record, saved.schedule]) === '[["motion","stream_offline"],["try-camera"],"try-week"]', `the rule is ${JSON.stringify(saved)}`);
    this.say('a rule is saved');
  }

  /** Two people: nothing is overwritten, and nothing typed is lost. */
  async conflict() {
    await this.open('cameras', 'try-camera');
    await this.page.getByLabel('Name', { exact: true }).fill('Typed here');
    const theirs = await this.entry('camera', 'try-camera');
    await this.api('PUT', '/config/camera/try-camera', { ...theirs, record: { max_age: '3d' } });
    await this.page.getByRole('button', { name: 'Save…' }).click();
    await this.dialog.getByText('Somebody else changed the configuration').waitFor();
    await this.picture('conflict');
    await this.dialog.getByRole('button', { name: 'Go on from there' }).click();
    await this.dialog.locator('[data-list="changes"] li').first().waitFor();
    await this.dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    const both = await this.entry('camera', 'try-camera');
    check(both.name === 'Typed here' && both.record?.max_age === '3d', `one of the two changes is lost: ${JSON.stringify(both)}`);
    this.say('two people edit one camera: told, and both changes are there');
  }

  async offline() {
    await this.open('cameras', 'try-camera');
    const name = this.page.getByLabel('Name', { exact: true });
    await name.fill('After the outage');
    await this.context.setOffline(true);
    await this.page.getByRole('button', { name: 'Save…' }).click();
    await this.dialog.getByText('No connection to the recorder').waitFor();
    check((await name.inputValue()) === 'After the outage', 'what was typed is lost');
    await this.context.setOffline(false);
    await this.dialog.getByRole('button', { name: 'Try again' }).click();
    await this.dialog.locator('[data-list="changes"] li').first().waitFor();
    await this.dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    check((await this.entry('camera', 'try-camera')).name === 'After the outage', 'it is not saved after the outage');
    this.say('a lost connection is told, and nothing typed is lost');
  }

  async leaveUnsaved() {
    await this.open('cameras');
    await this.page.locator('[data-entry="try-camera"] a').click();
    const name = this.page.getByLabel('Name', { exact: true });
    await name.fill('Never saved');
    await this.page.getByRole('link', { name: 'Events', exact: true }).click();
    await this.dialog.getByRole('button', { name: 'Stay here' }).click();
    check((await name.inputValue()) === 'Never saved', 'staying loses what was typed');
    await this.page.goBack();
    await this.dialog.getByRole('button', { name: 'Leave' }).click();
    await this.dialog.waitFor({ state: 'detached' });
    check((await this.entry('camera', 'try-camera')).name !== 'Never saved', 'leaving saves');
    this.say('whoever leaves with something unsaved is asked');
  }

  async remove() {
    await this.open('cameras', 'try-camera');
    await this.page.getByRole('button', { name: 'Remove', exact: true }).click();
    // The rule still names it: the recorder says so.
    await this.dialog.getByText('try-rule').first().waitFor();
    await this.dialog.getByRole('button', { name: 'Cancel' }).click();
    await this.api('DELETE', '/config/rule/try-rule');
    await this.page.reload();
    await this.page.getByRole('button', { name: 'Remove', exact: true }).click();
    await this.dialog.locator('[data-list="changes"] li').first().waitFor();
    await this.dialog.getByRole('button', { name: 'Save', exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    check((await this.entry('camera', 'try-camera')) === undefined, 'the camera is still there');
    this.say('a camera is removed, once nothing names it');
  }

  /** Blocked is whom nobody has; the file is as it was afterwards. */
  async access() {
    const before = (await this.api('GET', '/config')).body.server;
    await this.open('access');
    await this.page.getByLabel('Never from').fill('192.0.2.66\nlobby');
    await this.page.getByRole('button', { name: 'Save…' }).click();
    await this.page.locator('.field .error').getByText('lobby').waitFor();
    await this.page.getByLabel('Never from').fill('192.0.2.66\n02:00:5e:10:00:01');
    await this.picture('access');
    await this.save();
    const saved = (await this.api('GET', '/config')).body.server.access;
    check(JSON.stringify(saved) === '{"block":["192.0.2.66","02:00:5e:10:00:01"]}', `the lists are ${JSON.stringify(saved)}`);
    check((await this.api('PUT', '/config/server', before)).status === 200, 'the lists are not taken away again');
    this.say('who may connect: refused at its field, saved');
  }

  async bound() {
    await this.open('users');
    await this.page.getByRole('button', { name: 'Add a user' }).click();
    await this.dialog.getByLabel('Name', { exact: true }).fill('try-bound');
    await this.dialog.getByLabel('Password', { exact: true }).fill('correct horse battery');
    await this.dialog.getByLabel('Only from some addresses').check();
    await this.dialog.getByLabel('Addresses', { exact: true }).fill('192.0.2.0/24');
    await this.picture('bound');
    await this.dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await this.dialog.waitFor({ state: 'detached' });
    await this.page.getByText('only from 192.0.2.0/24').waitFor();
    await this.picture('users');
    await this.api('DELETE', '/users/try-bound');
    this.say('a user is bound to addresses');
  }

  async certificate() {
    await this.open('certificate');
    await this.page.getByText('Shown now').waitFor();
    await this.picture('certificate');
    await this.page.getByRole('button', { name: 'Upload a certificate' }).click();
    await this.dialog.getByLabel('Certificate (PEM)', { exact: true }).fill('no certificate');
    await this.dialog.getByLabel('Key (PEM)', { exact: true }).fill('no key');
    await this.dialog.getByRole('button', { name: 'Upload', exact: true }).click();
    await this.dialog.getByRole('alert').waitFor();
    const refused = await this.api('PUT', '/certificate', { certificate: 'no certificate', key: 'no key' });
    check((await this.dialog.getByRole('alert').innerText()).includes(refused.body.detail), 'the page does not show the recorder’s own words');
    await this.picture('certificate-refused');
    await this.dialog.getByRole('button', { name: 'Cancel' }).click();
    await this.page.getByLabel('Certificate from').selectOption('acme');
    await this.page.getByLabel('Names', { exact: true }).waitFor();
    await this.picture('certificate-acme');
    await this.page.getByRole('button', { name: 'Discard' }).click();
    this.say('the certificate: what is shown, why one is refused, what can be set');
  }

  /** Whoever gives no input is warned, and signed out; after the limit was changed nobody within a minute. */
  async idle() {
    const timeout = 90_000;
    const before = (await this.api('GET', '/config')).body.server;
    const changed = await this.api('PUT', '/config/server', { ...before, access: { idle_sign_out: '15s' } });
    check(changed.status === 200, `idle_sign_out: ${JSON.stringify(changed.body)}`);
    try {
      await this.page.goto(`${settings.origin}/settings/access`);
      await this.dialog.getByText('Still there?').waitFor({ timeout });
      await this.picture('idle');
      await this.dialog.getByRole('button', { name: 'Stay signed in' }).click();
      await this.dialog.waitFor({ state: 'detached' });
      await this.page.getByText('You were signed out after a minute without input.').waitFor({ timeout });
      await this.picture('signed-out');
    } finally {
      await this.signIn();
      check((await this.api('PUT', '/config/server', before)).status === 200, 'idle_sign_out is not taken away again');
    }
    this.say('who gives no input is warned and signed out');
  }

  /** Asks for what a chosen file would change. */
  async preview(file, password) {
    await this.page.getByRole('button', { name: 'Restore a backup…' }).click();
    await this.dialog.getByLabel('File of the backup').setInputFiles(file);
    await this.dialog.getByLabel('Password of the file').fill(password);
    await this.dialog.getByRole('button', { name: 'Show what changes' }).click();
  }

  /** A backup leaves as a file, and what was made since goes when it comes back. */
  async backup() {
    const words = 'correct horse battery';
    const folder = mkdtempSync(join(tmpdir(), 'vigie-backup-'));
    await this.open('configuration');
    const { name } = (await this.api('GET', '/system/info')).body;
    try {
      await this.page.getByRole('button', { name: 'Save a backup…' }).click();
      await this.dialog.getByLabel('Password of the file').fill(words);
      await this.dialog.getByLabel('Password once more').fill(`${words}x`);
      await this.dialog.getByRole('button', { name: 'Save', exact: true }).click();
      await this.dialog.getByText('The two are not the same.').waitFor();
      await this.picture('backup');
      await this.dialog.getByLabel('Password once more').fill(words);
      const [download] = await Promise.all([this.page.waitForEvent('download'), this.dialog.getByRole('button', { name: 'Save', exact: true }).click()]);
      const file = join(folder, download.suggestedFilename());
      await download.saveAs(file);
      await this.dialog.waitFor({ state: 'detached' });
      check(readFileSync(file).subarray(0, 14).toString() === 'vigie backup 1', `the file is ${file}`);

      const later = await this.api('PUT', '/config/schedule/try-later', { weekdays: ['08:00-18:00'] });
      check(later.status === 200, `a schedule: ${JSON.stringify(later.body)}`);
      await this.page.reload();
      const foreign = join(folder, 'foreign.vigie');
      writeFileSync(foreign, 'a letter');
      await this.preview(foreign, words);
      await this.dialog.locator('.field', { hasText: 'File of the backup' }).getByRole('alert').waitFor();
      await this.picture('backup-foreign');
      await this.dialog.getByRole('button', { name: 'Cancel' }).click();
      await this.preview(file, `${words}x`);
      const said = this.dialog.locator('.field', { hasText: 'Password of the file' }).getByRole('alert');
      await said.waitFor();
      check((await said.innerText()).includes('password'), `a wrong password is told as ${await said.innerText()}`);
      check((await this.dialog.getByLabel('File of the backup').evaluate((input) => input.files.length)) === 1, 'a wrong password loses the file');
      await this.picture('backup-wrong');
      await this.dialog.getByLabel('Password of the file').fill(words);
      await this.dialog.getByRole('button', { name: 'Show what changes' }).click();
      await this.dialog.locator(`[data-backup-of="${name}"]`).waitFor();
      check((await this.dialog.locator('[data-list="changes"]').innerText()).includes('schedule'), 'the preview does not say what goes');
      check((await this.entry('schedule', 'try-later')) !== undefined, 'a preview changes something');
      await this.picture('backup-preview');
      await this.dialog.getByRole('button', { name: 'Restore', exact: true }).click();
      await this.dialog.waitFor({ state: 'detached' });
      // Whoever restores may be signed out.
      await this.page.getByText(/The backup is restored/).waitFor();
      if (await this.page.getByRole('button', { name: 'Sign in' }).isVisible()) await this.signIn();
      check((await this.entry('schedule', 'try-later')) === undefined, 'what the backup has not is still there');
    } finally {
      rmSync(folder, { recursive: true });
    }
    this.say('a backup is saved, refused with a wrong password, shown and restored');
  }

  /** Said plainly, and refused: the recorder is needed still. */
  async reset() {
    await this.open('configuration');
    await this.page.getByRole('button', { name: 'Forget everything…' }).click();
    await this.dialog.locator('[data-list="stays"]').getByText('footage').waitFor();
    await this.dialog.getByRole('button', { name: 'Save a backup first…' }).click();
    await this.page.getByRole('dialog', { name: 'Save a backup' }).getByRole('button', { name: 'Cancel' }).click();
    await this.dialog.getByLabel('Your password').fill('not mine');
    const typed = this.dialog.getByLabel('Type the recorder’s name');
    await typed.fill('somewhere else');
    await this.dialog.getByRole('button', { name: 'Forget everything' }).click();
    await this.dialog.locator('.field', { hasText: 'Type the recorder’s name' }).getByRole('alert').waitFor();
    await typed.fill((await this.api('GET', '/system/info')).body.name);
    await this.dialog.getByRole('button', { name: 'Forget everything' }).click();
    await this.dialog.locator('.field', { hasText: 'Your password' }).getByRole('alert').waitFor();
    await this.picture('reset');
    await this.dialog.getByRole('button', { name: 'Cancel' }).click();
    check((await this.api('GET', '/config')).status === 200, 'a wrong password resets, or signs out');
    this.say('a factory reset takes the recorder’s name and the own password');
  }

  /** Until the recorder says so of its disk. */
  async stands(id, state) {
    await this.page.locator(`[data-disk="${id}"] [data-state="${state}"]`).waitFor();
  }

  async wish(id, what, confirm) {
    await this.page.locator(`[data-disk="${id}"] [data-wish="${what}"]`).click();
    await this.dialog.getByRole('button', { name: confirm, exact: true }).click();
  }

  async disks() {
    await this.open('disks');
    const { disk: id } = (await this.api('GET', '/system/info')).body.disks.find(({ state }) => state === 'online');
    await this.wish(id, 'retire', 'Retire');
    await this.dialog.locator('[data-said]').getByText('retired').waitFor();
    await this.picture('disk-retired');
    await this.dialog.locator('footer').getByRole('button', { name: 'Close' }).click();
    await this.stands(id, 'retired');
    await this.wish(id, 'release', 'Release');
    await this.dialog.locator('[data-said], .bad').first().waitFor({ timeout: 60_000 });
    await this.dialog.locator('footer').getByRole('button').first().click();
    await this.stands(id, 'released');
    // There is footage on it: nothing goes before that is said, and said yes to.
    await this.wish(id, 'prepare', 'Prepare');
    await this.dialog.locator('[data-lost]').getByText('files of footage').waitFor();
    await this.dialog.getByRole('button', { name: 'Erase and prepare' }).click({ force: true });
    check(await this.dialog.locator('[data-lost]').isVisible(), 'a second press erases');
    await this.picture('disk-erase');
    await this.dialog.getByRole('button', { name: 'Cancel' }).click();
    // By keys.
    await this.page.locator(`[data-disk="${id}"] [data-wish="take_back"]`).focus();
    await this.page.keyboard.press('Enter');
    await this.dialog.getByRole('button', { name: 'Take back', exact: true }).focus();
    await this.page.keyboard.press('Enter');
    await this.dialog.locator('[data-said]').waitFor();
    await this.page.keyboard.press('Escape');
    await this.stands(id, 'online');
    this.say('a disk is retired, released, not erased, and taken back');
  }

  async system() {
    await this.page.goto(`${settings.origin}/system/tree`);
    await this.page.locator('[data-actor="registry"] [data-state="running"]').first().waitFor();
    await this.page.goto(`${settings.origin}/system`);
    await this.page.locator('[data-disk]').first().waitFor();
    this.say('the supervision tree and the disks are shown');
  }
}

const STEPS = ['schedule', 'camera', 'secret', 'kept', 'motion', 'rule', 'conflict', 'offline', 'leaveUnsaved', 'remove', 'access', 'bound', 'certificate', 'backup', 'reset', 'disks', 'idle', 'system'];
const wanted = process.argv.slice(2);
const browser = await launch();
try {
  for (const size of SIZES) {
    const here = await Owner.enter(browser, size);
    try {
      await here.tidyUp();
      for (const step of STEPS.filter((step) => wanted.length === 0 || wanted.includes(step))) await here[step]();
      const wider = await here.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wider <= 0, `the page is ${wider} px wider than the window`);
      // Refusals and the outage are meant to be.
      const wrong = here.faults.filter((fault) => !/40[013459]|412|422|ERR_INTERNET_DISCONNECTED|WebSocket/.test(fault));
      check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
    } catch (error) {
      await here.picture('failed').catch(() => {});
      throw error;
    } finally {
      await here.context.setOffline(false);
      await here.tidyUp().catch(() => {});
      await here.context.close();
    }
  }
} finally {
  await browser.close();
}
console.log('settings: all is as it should be');
