// The console in each of its languages: chosen before signing in and in the settings, kept for the next browser, and on
// every page narrow enough for a phone.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node languages.mjs
//   VIGIE_EVERY=4        looks at every fourth page only
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pagesOf, settled } from './console_pages.mjs';
import { Failure, check, environment, launch, visitor } from './harness.mjs';

const { origin, user, password, screenshots } = environment();
const LANGUAGES = { fr: 'Français', id: 'Bahasa Indonesia' };
const every = Number(process.env.VIGIE_EVERY ?? 1);
const PHONE = { width: 390, height: 844, scheme: 'light' };
/** What a page is called in English too. */
const SAME = /^(MQTT|API|Audit|Disk|Gerbang|Notifications|Sessions?|Rules?|Push|Login|[A-Z][a-z]+|.* d\d|\S+)$/;

async function signIn(page) {
  await page.locator('input[autocomplete="username"]').fill(user);
  await page.locator('input[type="password"]').fill(password);
  await page.keyboard.press('Enter');
  await page.locator('[data-window]').first().waitFor();
}

/** What every page is called. */
async function titles(page, look) {
  const found = new Map();
  for (const address of (await pagesOf(page, origin)).filter((_, at) => at % every === 0)) {
    await page.goto(origin + address);
    await settled(page);
    found.set(address, await page.locator('h1').first().innerText());
    await look(address);
  }
  return found;
}

const browser = await launch();
try {
  const english = await visitor(browser, origin, PHONE);
  // Whatever was chosen before.
  await english.context.request.post(`${origin}/api/v1/session`, { data: { name: user, password } });
  await english.context.request.put(`${origin}/api/v1/preferences`, { data: {} });
  await english.context.clearCookies();
  await english.page.goto(origin);
  await signIn(english.page);
  const inEnglish = await titles(english.page, async () => {});
  const kept = async () => (await (await english.context.request.get(`${origin}/api/v1/preferences`)).json()).language ?? null;
  for (const [language, name] of Object.entries(LANGUAGES)) {
    const { context, page, faults } = await visitor(browser, origin, PHONE);
    const speaks = () => page.locator(`html[lang="${language}"]`).waitFor({ state: 'attached' });
    await page.goto(origin);
    await page.getByRole('button', { name, exact: true }).click();
    await speaks();
    await signIn(page);
    const wide = [];
    const there = await titles(page, async (address) => {
      await speaks();
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wider > 0) wide.push(`${address}: ${wider} px`);
      if (!screenshots) return;
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `${language}${address.replaceAll('/', '-')}.png`) });
    });
    check(wide.length === 0, `${name}: pages are wider than a phone: ${wide.join(', ')}`);
    const same = [...there].filter(([address, title]) => title === inEnglish.get(address) && !SAME.test(title));
    check(same.length === 0, `${name}: English titles: ${same.map((one) => one.join(' ')).join(', ')}`);
    const other = [...there].filter(([address, title]) => title !== inEnglish.get(address)).length;
    check(other > there.size / 2, `${name}: ${other} of ${there.size} titles are in another language`);
    check(faults.length === 0, `${name}: the page did what it must not:\n  ${faults.join('\n  ')}`);
    // In the settings, kept on the recorder: another browser of the same person speaks it by itself.
    await page.goto(`${origin}/settings/appearance`);
    await page.locator('select').first().selectOption('en');
    await page.locator('html[lang="en"]').waitFor({ state: 'attached' });
    await page.locator('select').first().selectOption(language);
    await speaks();
    await page.waitForFunction(() => document.querySelector('select') !== null);
    check((await kept()) === language, `kept is ${await kept()}`);
    const next = await visitor(browser, origin, PHONE);
    await next.page.goto(origin);
    await signIn(next.page);
    await next.page.locator(`html[lang="${language}"]`).waitFor({ state: 'attached' });
    await next.context.close();
    await context.close();
    console.log(`${name}: ${there.size} pages at ${PHONE.width} px, ${other} titles of its own`);
  }
  await english.context.request.put(`${origin}/api/v1/preferences`, { data: {} });
} catch (error) {
  console.error(`languages: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
