// The pages below a path of a reverse proxy, encrypted: everything is found there, nothing is blocked.
import { Failure, check, environment, launch, visitor } from './harness.mjs';

const settings = environment();
const start = process.env.VIGIE_URL;
const { pathname: base } = new URL(start);

const browser = await launch();
try {
  const { context, page, faults } = await visitor(browser, settings.origin, { width: 1440, height: 900, scheme: 'light' });
  const astray = [];
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && !url.pathname.startsWith(base)) astray.push(request.url());
  });
  await page.goto(start);
  await page.getByLabel('Name').fill(settings.user);
  await page.getByLabel('Password').fill(settings.password);
  await page.keyboard.press('Enter');
  const playing = page.locator('.window[data-mode="live"][data-phase="playing"]');
  await playing.first().waitFor();
  console.log('live below a path');
  const name = (await page.locator('[data-camera]').first().getAttribute('data-camera')) ?? '';
  await page.goto(`${start}cameras/${name}`);
  await playing.first().waitFor();
  check(new URL(page.url()).pathname === `${base}cameras/${name}`, `the address is ${page.url()}`);
  console.log('a page by its own address');
  await page.locator('a.back').click();
  await page.locator('[data-window]').first().waitFor();
  check(new URL(page.url()).pathname === base, `back leads to ${page.url()}`);
  const cookies = await context.cookies();
  check(cookies.length === 1 && cookies[0].secure && cookies[0].httpOnly && cookies[0].path === base, JSON.stringify(cookies));
  await page.getByRole('button', { name: /^Menu of/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  check(astray.length === 0, `asked elsewhere:\n  ${astray.join('\n  ')}`);
  check(faults.length === 0, `the page did what it must not:\n  ${faults.join('\n  ')}`);
  console.log('below a path: all well');
} catch (error) {
  console.error(`below a path: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
