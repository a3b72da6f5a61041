// The events page: live, by page, by filter, to the footage, and over a line that breaks.
import { check } from './harness.mjs';
import { WAIT_MS } from './visit.mjs';

const STORM = 300;

function rows(here) {
  return here.page.locator('li[data-event]').evaluateAll((all) => all.map(({ dataset }) => dataset.event));
}

async function same(here, query, words) {
  await here.until(`${words}: the page does not show what the API tells`, async () => {
    const { events } = await here.get(`/events?limit=50${query}`);
    const shown = (await rows(here)).slice(0, events.length);
    return { ok: JSON.stringify(shown) === JSON.stringify(events.map(({ id }) => id)), seen: { shown: shown.slice(0, 3), told: events.slice(0, 3).map(({ id }) => id) } };
  });
}

/** Hundreds of events at once: few messages, and the page answers. */
export async function storm(here) {
  const all = Array.from({ length: STORM }, (_, i) => here.post('/events', { kind: 'external', text: `storm ${i}` }));
  await Promise.all(all);
  const newest = (await here.get('/events?kind=external&limit=1')).events[0];
  await here.until('more messages than a few', async () => {
    const seen = await here.page.locator('[data-popup]').count();
    return { ok: seen <= 3, seen };
  });
  if (newest.actions.some(({ what }) => what === 'popup_message')) {
    await here.page.locator('[data-popup^="external"]').first().waitFor();
    await here.picture('storm');
  }
  await here.page.getByRole('link', { name: 'Events', exact: true }).click();
  await here.page.locator(`[data-event="${newest.id}"]`).waitFor();
  here.say(`${STORM} events at once: the page answers`);
}

export async function events(here) {
  const { page } = here;
  await same(here, '', 'all events');
  await here.picture('events');
  await here.readable('main, header');
  const before = (await rows(here)).length;
  const older = page.getByRole('button', { name: 'Show older events' });
  if (await older.isVisible()) {
    await older.click();
    await here.until('no older ones come', async () => ({ ok: (await rows(here)).length > before, seen: before }));
    const all = await rows(here);
    check(new Set(all).size === all.length, 'an event is shown twice');
  }
  await page.getByLabel('Kind', { exact: true }).selectOption('motion');
  await same(here, '&kind=motion', 'motion only');
  await page.getByLabel('Camera', { exact: true }).selectOption(here.camera.id);
  await same(here, `&kind=motion&camera=${here.camera.id}`, 'motion of one camera');
  await page.getByRole('button', { name: 'Show all' }).click();
  await page.getByLabel('Only alarms').check();
  await same(here, '&severity=alarm', 'only alarms');
  await page.reload();
  await page.getByLabel('Only alarms').waitFor();
  check(await page.getByLabel('Only alarms').isChecked(), 'the address does not keep the filter');
  await same(here, '&severity=alarm', 'only alarms, after a reload');
  await page.getByLabel('To', { exact: true }).fill('2001-01-01T00:00');
  await page.getByText('No event matches').waitFor();
  await here.picture('events-none');
  await page.getByRole('button', { name: 'Show all' }).click();
  await same(here, '', 'all events again');
  here.say('events: as the API tells, by page and by filter');
}

/** From an event to its footage. */
export async function jump(here) {
  const { page, moved } = here;
  await page.goto(`${here.settings.origin}/events?kind=motion&camera=${here.camera.id}`);
  await page.locator(`[data-event="${moved.id}"]`).getByRole('link', { name: /^Footage: / }).click();
  await page.locator(`figure[data-camera="${here.camera.id}"][data-phase="shown"]`).waitFor({ timeout: WAIT_MS });
  check(new URL(page.url()).searchParams.get('at') === new Date(moved.start).toISOString(), `the address is ${page.url()}`);
  await here.picture('footage');
  await page.goBack();
  await page.locator(`[data-event="${moved.id}"]`).waitFor();
  here.say('from an event to its footage and back');
}

/** While the line is down the page says so; what happened meanwhile is there afterwards, once. */
export async function lostLine(here) {
  const { page } = here;
  await page.goto(`${here.settings.origin}/events`);
  await page.getByText('Live: new events appear by themselves').waitFor();
  here.cut = true;
  await Promise.all(here.lines.splice(0).map((line) => line.close().catch(() => {})));
  await page.getByText('Connection to the events lost').waitFor();
  await here.picture('events-lost');
  const missed = await here.post('/events', { kind: 'external', text: 'while nobody heard it' });
  here.cut = false;
  await page.getByText('Live: new events appear by themselves').waitFor();
  await here.until('what was missed is not there once', async () => {
    const count = (await rows(here)).filter((id) => id === missed.id).length;
    return { ok: count === 1, seen: count };
  });
  here.say('a lost line heals, and nothing is missed');
}
