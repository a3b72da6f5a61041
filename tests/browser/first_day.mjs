// The first day of a recorder that has no owner yet, by its pages alone: the set-up link, the first steps, a camera
// added with Test, the wall, a preset, mail when something happens, somebody who may see one camera only, signing out.
// What pages save is read back by a client of its own, with an API token.
//
//   VIGIE_LINK=http://…/setup?link=…  what the recorder printed
//   VIGIE_SOURCES=A,B                 addresses of two cameras' streams
//   VIGIE_MAIL=HOST:PORT              a mail server without TLS
//   VIGIE_WIDTH=390                   1440 otherwise
//   VIGIE_SCREENSHOTS=DIR             writes pictures as well
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Failure, check, launch, visitor } from './harness.mjs';

const WAIT_MS = 30_000;
const { VIGIE_LINK: link, VIGIE_SOURCES: sources, VIGIE_MAIL: mail, VIGIE_SCREENSHOTS: screenshots } = process.env;
check(link && sources && mail, 'set VIGIE_LINK, VIGIE_SOURCES and VIGIE_MAIL');
const { origin } = new URL(link);
const size = process.env.VIGIE_WIDTH === '390' ? { width: 390, height: 844, scheme: 'light' } : { width: 1440, height: 900, scheme: 'dark' };
const [gate, yard] = sources.split(',');
const OWNER = { name: 'ann', password: 'three words of hers' };
const NEIGHBOUR = { name: 'bob', password: 'four words of his own' };

const browser = await launch();
const { context, page, faults } = await visitor(browser, origin, size);
const dialog = page.getByRole('dialog');
let token = null;

const say = (text) => console.log(`${size.width} px: ${text}`);

async function picture(name) {
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}-${size.width}-${size.scheme}.png`) });
}

/** Another client than the page: node itself, with a token. */
async function ask(method, path, data, as = token) {
  const headers = { authorization: `Bearer ${as}`, connection: 'close', ...(data ? { 'content-type': 'application/json' } : {}) };
  const response = await fetch(`${origin}/api/v1${path}`, { method, headers, ...(data ? { body: JSON.stringify(data) } : {}) });
  return { status: response.status, body: await response.json().catch(() => null) };
}

async function get(path) {
  const { status, body } = await ask('GET', path);
  check(status === 200, `GET ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function until(words, what) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const { ok, seen } = await what();
    if (ok) return;
    check(Date.now() < deadline, `${words}: ${JSON.stringify(seen)}`);
    await page.waitForTimeout(150);
  }
}

/** Asks for the preview, and saves what it shows. */
async function save() {
  await page.getByRole('button', { name: 'Save…' }).click();
  await dialog.locator('[data-list="changes"] li').first().waitFor();
  await dialog.getByRole('button', { name: 'Save', exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Save…' }).waitFor({ state: 'detached' });
}

const next = () => page.getByRole('button', { name: 'Next', exact: true }).click();
const step = (number) => page.getByText(`Step ${number} of 5`).waitFor();

async function owner() {
  await page.goto(link);
  await page.getByLabel('Name', { exact: true }).fill(OWNER.name);
  await page.getByLabel('Password', { exact: true }).fill('short');
  await picture('owner');
  // A refusal is told until something else is typed, and then no more.
  const again = page.getByLabel(/again|once more/i);
  await again.fill('short');
  await page.keyboard.press('Enter');
  const refused = page.getByText('5 characters');
  await refused.waitFor();
  await page.getByLabel('Password', { exact: true }).fill(OWNER.password);
  await refused.waitFor({ state: 'detached' });
  await again.fill(OWNER.password);
  await page.keyboard.press('Enter');
  await step(1);
  check(new URL(page.url()).pathname === '/welcome', `after the set-up the page is ${page.url()}`);
  // What the page saves from here on is read back with this.
  const made = await context.request.post(`${origin}/api/v1/tokens`, {
    data: { name: 'second client', rights: { house: ['alarms', 'system', 'configure', 'users'], every_camera: ['live', 'playback', 'export', 'record', 'protect'], cameras: {} } },
  });
  check(made.status() === 201, `a token: ${made.status()} ${await made.text()}`);
  token = (await made.json()).token;
  check((await fetch(`${origin}/api/v1/setup`).then((answer) => answer.json())).needed === false, 'there is an owner, and the set-up is still open');
  say('the owner chose a password by the link, which is good no more');
}

async function firstSteps() {
  await next();
  await step(2);
  await page.getByLabel('Time zone', { exact: true }).selectOption('Asia/Jakarta');
  await save();
  check((await get('/config')).server.time_zone === 'Asia/Jakarta', 'the time zone is not saved');
  // Recording needs a disk first.
  await next();
  await step(3);
  await page.locator('[data-disk]').first().waitFor();
  check((await page.getByText('d1', { exact: true }).count()) === 1, 'a disk is shown twice');
  await picture('disks');
  // Left and taken up again where it was.
  await next();
  await step(4);
  await page.getByRole('button', { name: 'Do this later' }).click();
  await until('where the first steps were left is not kept', async () => {
    const seen = await (await context.request.get(`${origin}/api/v1/preferences`)).json();
    return { ok: seen.welcome?.step === 'cameras' && seen.welcome.done, seen };
  });
  await page.goto(`${origin}/welcome`);
  await step(4);
  await page.getByRole('button', { name: 'Add a camera' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('Gate');
  await dialog.getByRole('button', { name: 'Continue' }).click();
  const address = page.getByLabel('Address', { exact: true }).first();
  await address.fill('rtsp://127.0.0.1:9/nothing');
  await page.getByRole('button', { name: 'Test: Main stream' }).click();
  await page.locator('[data-probe="failed"]').waitFor();
  await address.fill(gate);
  await page.getByRole('button', { name: 'Test: Main stream' }).click();
  const found = page.locator('[data-probe="ok"]');
  await found.waitFor();
  const shown = await found.locator('img').evaluate((img) => img.decode().then(() => ({ width: img.naturalWidth, height: img.naturalHeight })));
  check(shown.width > 100, `the tested picture is ${JSON.stringify(shown)}`);
  check(/H\.26[45]/.test(await found.innerText()), `Test says: ${await found.innerText()}`);
  await picture('tested');
  await save();
  check((await get('/config')).camera[0].main.url === gate, 'the camera is not saved');
  await page.getByText('There is 1 camera.').waitFor();
  await next();
  await step(5);
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.locator('[data-window]').first().waitFor();
  await until('the camera is not recorded', async () => {
    const [camera] = await get('/cameras');
    return { ok: camera.state === 'live' && camera.recording.length > 0, seen: camera };
  });
  say(`first steps: ${shown.width}×${shown.height} seen by Test, one address refused, left and taken up again, recorded`);
}

async function plays(id) {
  const video = page.locator(`[data-window][data-camera="${id}"] video`);
  let before = null;
  await until(`${id} does not play`, async () => {
    const seen = (await video.count()) === 1 ? await video.evaluate((v) => [v.videoWidth, v.currentTime]) : [0, 0];
    const ok = before !== null && seen[0] > 0 && seen[1] > before;
    before = seen[0] > 0 ? (before ?? seen[1]) : null;
    return { ok, seen };
  });
}

async function wallAndPreset() {
  const { status, body } = await ask('PUT', '/config/camera/yard', { id: 'yard', name: 'Yard', main: { url: yard } });
  check(status < 300, `a second camera: ${status} ${JSON.stringify(body)}`);
  await page.goto(origin);
  await plays('gate');
  await plays('yard');
  await page.getByRole('button', { name: /^Presets(:|$)/ }).click();
  await page.getByLabel('Name', { exact: true }).fill('Doors');
  await page.keyboard.press('Enter');
  const kept = async () => (await context.request.get(`${origin}/api/v1/layouts`)).json();
  await until('the preset is not kept', async () => {
    const seen = await kept();
    return { ok: seen.some(({ name }) => name === 'Doors'), seen };
  });
  await picture('preset');
  await page.keyboard.press('Escape');
  say('the wall shows both cameras, and keeps a preset');
}

async function mailed() {
  await page.goto(`${origin}/settings/email`);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByLabel('Server', { exact: true }).fill(mail);
  await page.getByLabel('Security', { exact: true }).selectOption('none');
  await page.getByLabel('From', { exact: true }).fill('vigie@example.org');
  await page.getByText('Delivery', { exact: true }).click();
  await save();
  const added = async (section, name) => {
    await page.goto(`${origin}/settings/${section}`);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByLabel('Name', { exact: true }).fill(name);
    await dialog.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { level: 1, name }).waitFor();
  };
  await added('recipients', 'Ann');
  await page.getByLabel('Address', { exact: true }).fill('ann@example.org');
  await save();
  await added('rules', 'Somebody rang');
  const events = page.getByRole('group', { name: 'Events', exact: true });
  for (const box of await events.getByRole('checkbox').all()) await box.uncheck();
  await events.getByLabel('Told by another program', { exact: true }).check();
  await page.getByRole('group', { name: 'Mail to', exact: true }).getByLabel('Ann').check();
  await save();
  const { rule } = await get('/config');
  const saved = rule.find(({ id }) => id === 'somebody-rang');
  check(JSON.stringify([saved.on, saved.email]) === '[["external"],["ann"]]', `the rule is ${JSON.stringify(saved)}`);
  const told = await ask('POST', '/events', { kind: 'external', text: 'the bell of the first day' });
  check(told.status < 300, `an event: ${told.status} ${JSON.stringify(told.body)}`);
  say('mail server, recipient and rule are set up; a bell rang');
}

async function neighbour() {
  await page.goto(`${origin}/settings/users`);
  await page.getByRole('button', { name: 'Add a user' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill(NEIGHBOUR.name);
  await dialog.getByLabel('Password', { exact: true }).fill(NEIGHBOUR.password);
  await dialog.getByLabel('Only some cameras').check();
  await dialog.getByLabel('Yard').check();
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await page.locator(`[data-row="${NEIGHBOUR.name}"]`).getByText('Yard').waitFor();
  const made = (await get('/users')).find(({ name }) => name === NEIGHBOUR.name);
  check(JSON.stringify([made.group, made.cameras]) === '["ordinary",["yard"]]', `the user is ${JSON.stringify(made)}`);
  await signOut(OWNER.name);
  await signIn(NEIGHBOUR);
  await plays('yard');
  const standing = await page.locator('[data-window]').evaluateAll((all) => all.flatMap(({ dataset }) => dataset.camera ?? []));
  check(standing.join() === 'yard', `somebody of one camera sees ${standing}`);
  check(!(await page.locator('body').innerText()).includes('Gate'), 'the page names a camera that is not theirs');
  const others = await context.request.get(`${origin}/api/v1/cameras/gate/snapshot.jpg`);
  check(others.status() === 404, `a picture of a camera that is not theirs: ${others.status()}`);
  const list = await (await context.request.get(`${origin}/api/v1/cameras`)).json();
  check(list.map(({ id }) => id).join() === 'yard', `they are told of ${JSON.stringify(list.map(({ id }) => id))}`);
  await picture('one-camera');
  await signOut(NEIGHBOUR.name);
  say('somebody of one camera sees that one, in pages and over the API');
}

async function signIn({ name, password }) {
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: `Menu of ${name}` }).waitFor();
}

async function signOut(name) {
  await page.getByRole('button', { name: `Menu of ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByText('Sign in to see').waitFor();
  await until('the session has not ended', async () => {
    const seen = (await context.request.get(`${origin}/api/v1/session`)).status();
    return { ok: seen === 401, seen };
  });
}

try {
  for (const part of [owner, firstSteps, wallAndPreset, mailed, neighbour]) await part();
  const wrong = faults.filter((fault) => !/40[014]|WebSocket/.test(fault));
  check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
} catch (error) {
  await picture('failed').catch(() => {});
  console.error(`first day: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
