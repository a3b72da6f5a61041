// The wall as a whole: its splits, what stands where, presets, turns, kiosk, keys.
import { check } from './harness.mjs';

const COUNTS = [1, 4, 6, 8, 9, 13, 16, 25, 32, 36];

/** Every split has as many windows as it says, they cover the wall, and none lies over another. */
export async function layouts(here) {
  for (const count of COUNTS) {
    await here.choose('How many windows', count === 1 ? '1 window' : `${count} windows`);
    await here.page.locator(`.wall[data-count="${count}"]`).waitFor();
    const { boxes, wall } = await here.page.evaluate(() => {
      const box = (element) => (({ x, y, width, height }) => ({ x, y, width, height }))(element.getBoundingClientRect());
      return { boxes: [...document.querySelectorAll('[data-window]')].map(box), wall: box(document.querySelector('.wall')) };
    });
    check(boxes.length === count, `${boxes.length} windows instead of ${count}`);
    const covered = boxes.reduce((sum, { width, height }) => sum + width * height, 0) / (wall.width * wall.height);
    check(covered > 0.94 && covered <= 1, `${count} windows cover ${covered} of the wall`);
    const over = boxes.some((a, i) => boxes.some((b, j) => i < j && a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 1 && b.y < a.y + a.height - 1));
    check(!over, `${count} windows lie over each other`);
    check(boxes[0].width >= Math.max(...boxes.map(({ width }) => width)) - 1, `${count} windows: the first is not the largest`);
  }
  here.say(`splits into ${COUNTS.join(', ')} windows`);
}

/** From the list into windows, between windows, and off the wall. */
export async function drags(here) {
  const [a, b] = here.cameras;
  await here.choose('How many windows', '6 windows');
  await here.list(true);
  await here.page.getByRole('button', { name: 'Empty all windows' }).click();
  await here.stands([null, null, null, null, null, null], 'the wall is not empty');
  await here.look('wall-empty');
  const entry = (camera) => here.page.locator(`[data-list-camera="${camera.id}"]`);
  await here.dragTo(entry(a), here.window(3));
  await here.stands([null, null, null, a.id], 'the first camera is not where it was let go');
  await here.dragTo(entry(b), here.window(1));
  await here.stands([null, b.id, null, a.id], 'the second camera is not where it was let go');
  await here.dragTo(here.window(3), here.window(0));
  await here.stands([a.id, b.id, null, null], 'a camera did not move to an empty window');
  await here.plays(0, 'after a drag');
  await here.plays(1, 'after a drag');
  await here.dragTo(here.window(0), here.window(1));
  await here.stands([b.id, a.id], 'two cameras did not change places');
  await here.dragTo(here.window(1), here.page.locator('[data-camera-list] h2'));
  await here.stands([b.id, null], 'a camera dragged to the list is still on the wall');
  // What a drag does, a press does as well: into the chosen window, by keyboard.
  await here.window(2).focus();
  await entry(a).focus();
  await here.page.keyboard.press('Enter');
  await here.stands([b.id, null, a.id], 'a camera of the list did not go to the chosen window');
  await here.look('wall-six');
  await here.list(false);
  here.say('cameras dragged from the list, between windows, and off the wall');
}

/** Arrows lead from window to window and, with shift, take the camera with them. */
export async function keyboard(here) {
  const [a, b] = here.cameras;
  const { page } = here;
  await here.window(2).focus();
  await page.keyboard.press('Shift+ArrowUp');
  await here.stands([b.id, a.id, null], 'shift and arrow do not move a camera');
  check(await here.window(1).evaluate((element) => element === document.activeElement), 'the focus does not go with the camera');
  await page.keyboard.press('ArrowLeft');
  check(await here.window(0).evaluate((element) => element === document.activeElement), 'an arrow does not lead to the window beside');
  const outline = await here.window(0).evaluate((element) => getComputedStyle(element, '::after').borderTopWidth);
  check(parseFloat(outline) >= 2, 'the focus on a window cannot be seen');
  await page.keyboard.press('Delete');
  await here.stands([null, a.id], 'delete does not empty a window');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Shift+ArrowLeft');
  await here.stands([a.id, null], 'a camera did not move into an empty window by keyboard');
  here.say('keyboard: windows reached, cameras moved and taken away');
}

/** Saved under a name, recalled after a reload, changed, deleted; as the API tells. */
export async function preset(here) {
  const { page } = here;
  await here.flyout('Presets');
  if (!here.keeps) {
    await page.getByText('This recorder keeps no presets').waitFor();
    await here.look('wall-no-presets');
    await page.keyboard.press('Escape');
    return here.say('this recorder keeps no presets, and the page says so');
  }
  const [a, b] = here.cameras;
  const name = `Test ${Date.now()}`;
  await here.look('wall-presets');
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.keyboard.press('Enter');
  const kept = async () => (await here.get('/layouts')).find((one) => one.name === name);
  await here.until('the preset is not kept', async () => ({ ok: (await kept()) !== undefined, seen: await here.get('/layouts') }));
  const { body } = await kept();
  check(body.windows_shown === 6 && JSON.stringify(body.windows) === JSON.stringify([a.id]), `kept is ${JSON.stringify(body)}`);
  await here.choose('Presets', 'All cameras');
  await here.stands([(await here.get('/cameras'))[0].id], 'not all cameras are shown');
  await page.reload();
  await page.locator('[data-window]').first().waitFor();
  await here.flyout('Presets');
  await page.getByRole('button', { name: new RegExp(`^${name}`) }).click();
  await page.locator('.wall[data-count="6"]').waitFor();
  await here.stands([a.id, null, null], 'the preset is not what was saved');
  await here.plays(0, 'a recalled preset');
  await here.look('wall-preset');
  await page.reload();
  await page.locator('.wall[data-count="6"]').waitFor();
  await here.stands([a.id, null], 'the last wall is not there after a reload');
  // A change is kept only when it is saved.
  await here.list(true);
  await here.dragTo(page.locator(`[data-list-camera="${b.id}"]`), here.window(2));
  await here.list(false);
  await here.flyout('Presets');
  await page.getByRole('button', { name: `Save the changes to “${name}”` }).click();
  await here.until('the change is not kept', async () => {
    const seen = (await kept()).body.windows;
    return { ok: JSON.stringify(seen) === JSON.stringify([a.id, null, b.id]), seen };
  });
  await page.getByRole('button', { name: `Delete ${name}` }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await here.until('the preset is not deleted', async () => ({ ok: (await kept()) === undefined, seen: await kept() }));
  await page.keyboard.press('Escape');
  here.say('a preset saved, recalled after a reload, changed and deleted');
}

/** Two cameras take turns in one window; they wait while the window is at full size. */
export async function group(here) {
  const { page } = here;
  const [a, b] = here.cameras;
  await here.choose('Presets', 'All cameras');
  await here.choose('How many windows', '4 windows');
  await here.stands([a.id], 'all cameras');
  await (await here.tools(0)).getByRole('button', { name: `More for ${a.name}` }).click();
  await here.look('wall-more');
  await page.getByRole('button', { name: 'Sequence in this window…' }).click();
  const dialog = page.getByRole('dialog');
  await here.look('wall-group');
  await dialog.getByLabel(b.name, { exact: true }).check();
  await dialog.getByLabel('Each is shown for').selectOption('5');
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.mouse.move(700, 30);
  await page.evaluate(() => document.activeElement.blur());
  for (const id of [b.id, a.id]) await here.stands([id], 'the cameras do not take turns');
  await here.plays(0, 'a camera in turn');
  await here.window(0).dblclick({ position: { x: 200, y: 150 } });
  await page.locator('article.full').waitFor();
  const during = (await here.standing())[0];
  await page.waitForTimeout(6_000);
  check((await here.standing())[0] === during, 'the turns go on at full size');
  await page.keyboard.press('Escape');
  await page.locator('article.full').waitFor({ state: 'detached' });
  await page.evaluate(() => document.activeElement.blur());
  await here.stands([during === a.id ? b.id : a.id], 'the turns do not go on afterwards');
  here.say('two cameras take turns in a window, and wait at full size');
}

/** More cameras than windows are on pages, which take turns. */
export async function pages(here) {
  const { page } = here;
  await here.choose('Presets', 'All cameras');
  await here.choose('How many windows', '1 window');
  const all = await here.get('/cameras');
  await here.stands([all[0].id], 'the first page');
  await page.getByRole('button', { name: 'Next page' }).click();
  await here.stands([all[1].id], 'the second page');
  await here.flyout('Sequence');
  await page.getByLabel('Each is shown for').selectOption('5');
  await here.look('wall-sequence');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.locator('[data-tour="running"]').waitFor();
  await here.stands([all[2 % all.length].id], 'the pages do not take turns');
  await here.window(0).dblclick({ position: { x: 300, y: 200 } });
  await page.locator('[data-tour="paused"]').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('[data-tour="running"]').waitFor();
  await page.getByRole('button', { name: 'End the sequence' }).click();
  await page.locator('[data-tour]').waitFor({ state: 'detached' });
  await here.choose('Presets', 'All cameras');
  here.say('pages by hand and in turn; a double click pauses them');
}

/** Nothing but pictures, and a way back. */
export async function kiosk(here) {
  const { page } = here;
  await page.goto(`${here.settings.origin}/?kiosk`);
  await here.plays(0, 'kiosk');
  check((await page.getByRole('banner').count()) === 0, 'a kiosk has a bar');
  const [wall, whole] = await page.evaluate(() => [document.querySelector('.wall').getBoundingClientRect().height, innerHeight]);
  check(wall === whole, `a kiosk's wall is ${wall} px high of ${whole}`);
  await here.look('kiosk');
  await page.keyboard.press('Escape');
  await page.getByRole('banner').waitFor();
  check(new URL(page.url()).search === '', 'the way back leads elsewhere');
  here.say('kiosk: pictures alone, and back');
}

/** One key from anywhere to the wall; all keys in a dialog; both can be switched off. */
export async function keys(here) {
  const { page } = here;
  await page.goto(`${here.settings.origin}/events`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('w');
  await page.locator('[data-window]').first().waitFor();
  await page.keyboard.press('?');
  const dialog = page.getByRole('dialog', { name: 'Keys' });
  await dialog.waitFor();
  await here.look('keys');
  await dialog.getByLabel('Single keys work anywhere').uncheck();
  await page.keyboard.press('Escape');
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('w');
  check(new URL(page.url()).pathname === '/events', 'a key that is switched off leads to the wall');
  await page.getByRole('link', { name: 'Live', exact: true }).click();
  await page.getByRole('button', { name: 'Keys', exact: true }).click();
  await dialog.getByLabel('Single keys work anywhere').check();
  await page.keyboard.press('Escape');
  here.say('keys: to the wall from anywhere, told in a dialog, switched off and on');
}
