// What was done about an event: outcomes, reasons and pictures, as the API tells them.
import { check } from './harness.mjs';

const OUTCOMES = { planned: 'to be done', done: /done|sent/, failed: 'failed', expired: 'too late', merged: 'done with another' };

/** The event that the input's step told. */
export async function outcomes(here) {
  if (!here.told) return here.say('no event whose actions could be looked at');
  const { page } = here;
  const event = async () => (await here.get('/events?limit=1000&kind=sensor')).events.find(({ id }) => id === here.told);
  const owed = async () => {
    const [recipients, pushes] = [await here.get('/recipients'), await here.get('/push')];
    const waits = ({ what, target }) => ({ email: recipients, push: pushes })[what]?.find(({ id }) => id === target)?.error;
    return (await event()).actions.flatMap((action) => (action.state === 'planned' ? [{ ...action, why: waits(action) }] : []));
  };
  await here.until('something is still to be done, and nobody says why', async () => {
    const seen = (await owed()).filter(({ why }) => !why);
    return { ok: seen.length === 0, seen };
  });
  await page.goto(`${here.settings.origin}/events?kind=sensor`);
  const row = page.locator(`[data-event="${here.told}"]`);
  await row.getByRole('button', { name: /what was done/ }).focus();
  await page.keyboard.press('Enter');
  // What is still to be done may be done, and told otherwise, between one look and the other.
  await here.until('the page does not tell what the API tells', async () => {
    const { actions } = await event();
    const shown = await row.locator('ol [data-action]').evaluateAll((all) => all.map((one) => [one.dataset.action, one.innerText]));
    const fits = ({ what, state, detail }) => shown.some(([name, text]) => name === what && text.match(OUTCOMES[state]) && (detail === null || text.includes(detail)));
    const missing = actions.filter((action) => !fits(action));
    return { ok: shown.length === actions.length && missing.length === 0, seen: { missing, shown } };
  });
  await here.until('the page does not say why something waits', async () => {
    const shown = await row.locator('[data-waiting]').evaluateAll((all) => all.map((one) => [one.dataset.waiting, one.innerText]));
    const missing = (await owed()).filter(({ target, why }) => !shown.some(([name, text]) => name === target && text.includes(why)));
    return { ok: missing.length === 0, seen: { missing, shown } };
  });
  await here.picture('outcomes');
  await here.readable('main');
  await pictures(here, row);
  const { actions } = await event();
  here.say(`outcomes of ${actions.length} actions: ${[...new Set(actions.map(({ state }) => state))].join(', ')}`);
}

async function pictures(here, row) {
  const { page } = here;
  const { snapshots } = await here.get(`/snapshots?event=${here.told}`);
  const thumbnails = row.locator('[data-snapshot]');
  await here.until('not all pictures are shown', async () => {
    const seen = await thumbnails.locator('img').evaluateAll((all) => all.map((one) => one.naturalWidth));
    return { ok: seen.length === Math.min(6, snapshots.length) && seen.every((width) => width > 0), seen };
  });
  if (snapshots.length === 0) return;
  const first = thumbnails.first();
  await first.focus();
  await page.keyboard.press('Enter');
  const large = page.getByRole('dialog', { name: /^Picture of/ });
  await large.waitFor();
  await here.until('the picture is not large', async () => {
    const seen = await large.locator('img').evaluate((one) => [one.naturalWidth, one.clientWidth, innerWidth]);
    return { ok: seen[0] > 0 && seen[1] >= Math.min(seen[2] - 32, 1200), seen };
  });
  await here.picture('picture');
  await here.readable('dialog');
  if (snapshots.length > 1) {
    await page.keyboard.press('ArrowRight');
    await large.getByText(`2 of ${snapshots.length}`).waitFor();
  }
  await page.keyboard.press('Escape');
  await large.waitFor({ state: 'detached' });
  check(await first.evaluate((one) => one === document.activeElement), 'the closed picture leaves the focus nowhere');
  here.say(`${snapshots.length} pictures, enlarged and closed by keyboard`);
}
