// The first page: panel, marks, pop-ups, recording by hand, bars.
import { check } from './harness.mjs';
import { WAIT_MS } from './visit.mjs';

/** The panel tells every event that goes on, and its tone is that of the gravest. */
export async function panel(here) {
  await here.section.waitFor();
  await here.open();
  await here.until('the panel is not what the API says', async () => {
    const [going, cameras, outputs] = [await here.goingOn(), await here.get('/cameras'), await here.get('/outputs')];
    const down = cameras.some((one) => [one, ...Object.values(one.streams)].some(({ state }) => ['offline', 'stalled', 'refused', 'misconfigured'].includes(state)) || one.not_recording);
    const alarm = down || going.some(({ severity }) => severity === 'alarm');
    const tone = await here.section.getAttribute('data-tone');
    const shown = await here.section.locator('.body [data-key]').evaluateAll((all) => all.map(({ dataset }) => dataset.key));
    const keys = going.map(({ kind, source }) => `${kind} ${source.replace(/^stream:([^/]+)\/.*/, 'camera:$1')}`);
    const failing = outputs.some(({ enabled, error }) => enabled && error);
    const fits = alarm ? tone === 'alarm' : failing ? tone === 'warning' : ['quiet', 'warning', 'alarm'].includes(tone);
    return { ok: fits && keys.every((key) => shown.includes(key)), seen: { tone, alarm, failing, keys, shown } };
  });
  for (const { id, enabled, active, since } of await here.get('/inputs')) {
    const state = !enabled ? 'off' : active ? 'active' : since === null ? 'unknown' : 'quiet';
    await here.section.locator(`[data-input="${id}"] [data-state="${state}"]`).waitFor();
  }
  await here.page.evaluate(() => scrollTo(0, 0));
  await here.picture('panel');
  here.say(`panel: ${await here.section.locator('.title').innerText()}`);
}

/** Motion is told on the camera's window and on the panel, for how long, and goes. */
export async function motion(here) {
  const { id } = here.camera;
  const event = await here.post('/events', { kind: 'motion', camera: id, text: 'told by a test' });
  await here.tile().locator('[data-mark="motion"]').waitFor();
  const line = here.section.locator(`.body [data-key="motion camera:${id}"]`);
  await line.waitFor();
  const before = await line.locator('.time').innerText();
  await here.until('the time does not go on', async () => {
    const seen = await line.locator('.time').innerText();
    return { ok: seen !== before, seen };
  });
  await here.until('the camera is not recorded for it', async () => {
    const { recording } = (await here.get('/cameras')).find((one) => one.id === id);
    const wanted = event.actions.some(({ what, state }) => what === 'record' && state !== 'failed');
    return { ok: !wanted || recording.includes('motion') || recording.includes('schedule'), seen: recording };
  });
  await here.post('/events', { kind: 'motion', camera: id, over: true });
  await line.waitFor({ state: 'detached' });
  await here.tile().locator('[data-mark="motion"]').waitFor({ state: 'detached' });
  here.moved = event;
  here.say(`${id}: motion comes, goes on and goes`);
}

/** By keyboard; what the page did is read back. */
export async function byHand(here) {
  const { id, name } = here.camera;
  const manual = async () => (await here.goingOn()).find(({ kind, source }) => kind === 'manual' && source === `camera:${id}`);
  await here.reach();
  await here.tile().getByRole('button', { name: `Record ${name} by hand` }).focus();
  await here.page.keyboard.press('Enter');
  const stop = here.tile().getByRole('button', { name: `Stop recording ${name} by hand` });
  await stop.waitFor();
  const event = await manual();
  check(event?.text.includes(here.user), `recorded by hand by whom? ${JSON.stringify(event)}`);
  await here.tile().locator('[data-mark="manual"]').waitFor();
  await here.until('the API does not say that it is recorded by hand', async () => {
    const { recording } = (await here.get('/cameras')).find((one) => one.id === id);
    return { ok: recording.includes('manual'), seen: recording };
  });
  await here.picture('by-hand');
  await stop.focus();
  await here.page.keyboard.press('Enter');
  await here.tile().getByRole('button', { name: `Record ${name} by hand` }).waitFor();
  check((await manual()) === undefined, 'it is still recorded by hand');
  await here.open();
  here.say(`${id}: recorded by hand, and stopped, by keyboard`);
}

const quietInput = async (here) => (await here.get('/inputs')).find(({ enabled, active }) => enabled && !active);

/** Triggered and cleared on the page, by keyboard. */
export async function trigger(here) {
  const input = await quietInput(here);
  if (!input) return here.say('no input that could be triggered');
  const row = here.section.locator(`[data-input="${input.id}"]`);
  for (const [name, state, active] of [['Trigger', 'active', true], ['Clear', 'quiet', false]]) {
    await row.getByRole('button', { name: `${name} ${input.name}` }).focus();
    await here.page.keyboard.press('Enter');
    await row.locator(`[data-state="${state}"]`).waitFor();
    const told = (await here.get('/inputs')).find(({ id }) => id === input.id);
    check(told.active === active, `${name}: the API says ${JSON.stringify(told)}`);
  }
  await here.until('its event goes on', async () => {
    const going = (await here.goingOn()).filter(({ source }) => source === `input:${input.id}`);
    return { ok: going.length === 0, seen: going };
  });
  await here.clearPopups();
  here.say(`${input.id}: triggered and cleared by keyboard`);
}

/** While the buzzer is to sound every page has a button that ends it. */
export async function buzzer(here) {
  if ((await here.get('/buzzer')).kind === null) return here.say('no buzzer');
  const row = here.section.locator('[data-buzzer]');
  await here.page.getByRole('banner').getByRole('button', { name: /^Silence the buzzer/ }).click();
  await here.until('the buzzer is not silenced', async () => {
    const seen = await here.get('/buzzer');
    return { ok: !seen.wanted && !seen.sounding, seen };
  });
  await here.page.getByRole('button', { name: /^Silence the buzzer/ }).first().waitFor({ state: 'detached' });
  await row.waitFor();
  here.say('buzzer: silenced');
}

/** Active on the panel; what its rules want to be shown pops up and takes nobody's place. */
export async function input(here) {
  const input = await quietInput(here);
  if (!input) return here.say('no input that could be tried');
  const place = here.section.getByRole('button', { name: 'Hide inputs and outputs' });
  await place.focus();
  const { event: id } = await here.post(`/inputs/${input.id}`, { state: 'active' });
  await here.section.locator(`[data-input="${input.id}"] [data-state="active"]`).waitFor();
  check((await here.section.getAttribute('data-tone')) === 'alarm', 'an active input is no alarm');
  const event = (await here.goingOn()).find((one) => one.id === id);
  check(event, `the API does not tell of event ${id}`);
  const wants = (what) => event.actions.some((action) => action.what === what);
  const message = here.page.locator(`[data-popup="sensor input:${input.id}"]`);
  // It stays for as long as the pointer is on it.
  if (wants('popup_message')) await message.hover();
  const video = here.page.locator('[data-popup-video]');
  if (wants('popup_video')) await video.locator('.window[data-phase="playing"]').waitFor({ timeout: WAIT_MS });
  check(await place.evaluate((element) => element === document.activeElement), 'a pop-up took the focus');
  await here.picture('alarm');
  await here.readable('section, aside, header, main article');
  if (wants('buzzer')) await buzzer(here);
  if (wants('popup_video')) {
    await video.getByRole('button', { name: 'Close the live view' }).click();
    await video.waitFor({ state: 'detached' });
  }
  if (wants('popup_message')) {
    await message.getByRole('button', { name: /^Dismiss/ }).click();
    await message.waitFor({ state: 'detached' });
  }
  await here.post(`/inputs/${input.id}`, { state: 'inactive' });
  await here.section.locator(`[data-input="${input.id}"] [data-state="quiet"]`).waitFor();
  here.told = id;
  here.say(`${input.id}: active and quiet again; ${event.actions.length} actions`);
}

export async function output(here) {
  const output = (await here.get('/outputs')).find(({ enabled }) => enabled);
  if (!output) return here.say('no output that could be tried');
  const row = here.section.locator(`[data-output="${output.id}"]`);
  const wanted = async () => (await here.get('/outputs')).find(({ id }) => id === output.id).wanted;
  const off = row.getByRole('button', { name: `Switch ${output.name} off` });
  // The rule's own hold may not be over, or be over just now.
  await here.until('it does not go off', async () => {
    const seen = (await off.isVisible()) || (await wanted());
    if (seen) await off.click({ timeout: 2_000 }).catch(() => {});
    return { ok: !seen, seen };
  });
  await row.getByLabel(`How long ${output.name} stays on`).selectOption({ label: '10 min' });
  await row.getByRole('button', { name: `Switch ${output.name} on` }).click();
  await off.waitFor();
  check(await wanted(), 'the API does not say that it is to be on');
  await off.click();
  await row.getByRole('button', { name: `Switch ${output.name} on` }).waitFor();
  check(!(await wanted()), 'the API still says that it is to be on');
  const { body } = await here.ask('POST', `/outputs/${output.id}/test`, {});
  await row.getByRole('button', { name: `Test ${output.name}` }).click();
  await row.getByText(body.ok ? 'The test went well.' : 'The test failed:').waitFor({ timeout: WAIT_MS });
  here.say(`${output.id}: on, off and tested (${body.ok ? 'well' : body.error})`);
}

/** Where the API has a mark within footage, the bar has its cause. */
export async function bars(here) {
  const { id, name } = here.camera;
  await here.close();
  await here.tile().getByRole('link', { name }).click();
  await here.page.getByRole('slider').waitFor();
  await here.until(`${id}: the bar does not tell why`, async () => {
    const from = Date.now() - 3_600_000;
    const { segments, marks } = await here.get(`/recordings?camera=${id}&from=${new Date(from).toISOString()}&to=${new Date().toISOString()}`);
    const bands = await here.tile().locator('.band').evaluateAll((all) => all.map(({ dataset: { from, to, causes } }) => ({ from: Number(from), to: Number(to), causes: causes.split(' ') })));
    const missed = marks.filter(({ start, end, cause }) => {
      const middle = (Math.max(from, Date.parse(start)) + (end === null ? Date.now() : Date.parse(end))) / 2;
      const footage = segments.some((s) => Date.parse(s.start) < middle && middle < Date.parse(s.end));
      return footage && middle > from + 10_000 && middle < Date.now() - 20_000 && !bands.some((b) => b.from <= middle && middle < b.to && b.causes.includes(cause));
    });
    return { ok: bands.length > 0 && missed.length === 0, seen: { missed, bands: bands.slice(-6) } };
  });
  const causes = await here.tile().locator('.band').evaluateAll((all) => [...new Set(all.flatMap(({ dataset }) => dataset.causes.split(' ')))]);
  await here.page.keyboard.press('Escape');
  await here.section.waitFor();
  here.say(`${id}: the bar tells ${causes.join(', ')}`);
}

/** Everything that can be pressed is reached by Tab, and seen to be. */
export async function keyboard(here) {
  const { page } = here;
  await here.open();
  await page.getByRole('link', { name: 'Skip to content' }).focus();
  const reached = [];
  while (reached.length < 80) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement === document.body)) break;
    const at = await page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      const name = document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText;
      return { name, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2 };
    });
    check(at.seen, `the focus on "${at.name}" cannot be seen`);
    reached.push(at.name);
  }
  const outputs = (await here.get('/outputs')).filter(({ enabled }) => enabled).map(({ name }) => `Test ${name}`);
  const inputs = (await here.get('/inputs')).filter(({ enabled, active }) => enabled && !active).map(({ name }) => `Trigger ${name}`);
  for (const name of ['Events', 'Hide inputs and outputs', `Record ${here.camera.name} by hand`, ...inputs, ...outputs]) {
    check(reached.some((one) => one.startsWith(name)), `Tab does not reach "${name}": ${reached.join(', ')}`);
  }
  here.say('keyboard: all reached');
}

/** Who may not switch anything sees no buttons; the recorder refuses all the same. */
export async function noButtons(here) {
  await here.section.waitFor();
  await here.open();
  const names = () => here.page.getByRole('button').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? one.innerText));
  const buttons = await names();
  await here.reach();
  await here.tile().getByRole('toolbar').waitFor();
  buttons.push(...(await names()));
  const wrong = buttons.filter((name) => /^(Record|Stop recording|Switch|Test|Trigger|Clear)/.test(name));
  check(wrong.length === 0, `buttons for administrators: ${wrong.join(', ')}`);
  const { status, body } = await here.ask('POST', `/cameras/${here.camera.id}/manual`, {});
  check(status === 403, `the API lets a guest record by hand: ${status} ${JSON.stringify(body)}`);
  await here.picture('guest');
  here.say('no buttons');
}
