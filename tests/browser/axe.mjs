// No page of the console has a fault that axe-core finds (WCAG 2.2 AA): every page, wide and on a phone, in light and dark.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… [VIGIE_SIZES='1440x900-dark'] node axe.mjs [part of an address]
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { check, environment, launch, visitor } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const SIZES = (process.env.VIGIE_SIZES ?? '1440x900-dark 390x844-light 1440x900-light 390x844-dark').split(' ').map((size) => {
  const [, width, height, scheme] = /^(\d+)x(\d+)-(light|dark)$/.exec(size) ?? check(false, `VIGIE_SIZES: ${size}`);
  return { width: Number(width), height: Number(height), scheme };
});
const LISTS = { cameras: 'camera', schedules: 'schedule', motion: 'camera', disks: 'disk', rules: 'rule', inputs: 'input', outputs: 'output', recipients: 'recipient', push: 'push' };
const SINGLE = ['recording', 'snapshots', 'buzzer', 'email', 'mqtt', 'account', 'users', 'groups', 'sessions', 'tokens', 'network', 'certificate', 'access', 'time', 'appearance', 'configuration'];

/** Every address, with one entry of each list that has any. */
async function pagesOf(page, origin) {
  const config = await (await page.request.get(`${origin}/api/v1/config`)).json();
  const cameras = config.camera ?? [];
  const entry = ([section, table]) => [`/settings/${section}`, ...(config[table]?.length ? [`/settings/${section}/${config[table][0].id}`] : [])];
  return [
    '/', ...(cameras.length ? [`/cameras/${cameras[0].id}`] : []), '/events', '/playback', '/settings',
    ...Object.entries(LISTS).flatMap(entry), ...SINGLE.map((section) => `/settings/${section}`), '/settings/groups/administrator',
    ...['overview', 'tree', 'log', 'audit'].map((section) => `/system/${section}`), '/welcome',
  ];
}

/** Pages show at first that they load; live pictures never rest. */
async function settled(page) {
  await page.locator('h1').first().waitFor({ state: 'attached' });
  await page.waitForFunction(() => ![...document.querySelectorAll('[role="status"]')].some(({ textContent }) => textContent === 'Loading…'), null, { timeout: 15_000 }).catch(() => {});
  await page.waitForTimeout(400);
}

async function faultsOf(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate((values) => window.axe.run(document, { runOnly: { type: 'tag', values } }), RULES);
  return violations.map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.slice(0, 4).map(({ html, any, all }) => `      ${html.slice(0, 160)}\n        ${[...any, ...all].map(({ message }) => message).join('; ').slice(0, 200)}`).join('\n')}`);
}

const { origin, user, password, screenshots } = environment();
const only = process.argv[2];
const browser = await launch();
let looked = 0;
const found = [];
try {
  for (const size of SIZES) {
    const { context, page } = await visitor(browser, origin, size);
    const look = async (address, name) => {
      await settled(page);
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wider > 0) found.push(`${name} ${size.width} ${size.scheme}: ${wider} px wider than the window`);
      for (const fault of await faultsOf(page)) found.push(`${name} ${size.width} ${size.scheme}: ${fault}`);
      looked += 1;
      if (!screenshots) return;
      mkdirSync(screenshots, { recursive: true });
      await page.screenshot({ path: join(screenshots, `${name.replaceAll('/', '-').replace(/^-/, '') || 'wall'}-${size.width}-${size.scheme}.png`), fullPage: true });
    };
    for (const address of ['/setup', '/setup?link=some-link']) {
      if (only && !address.includes(only)) continue;
      await page.goto(origin + address);
      await look(address, address.includes('?') ? '/setup-form' : address);
    }
    await page.goto(origin);
    await page.getByLabel('Name', { exact: true }).waitFor();
    if (!only || 'sign-in'.includes(only)) await look('/', '/sign-in');
    await page.getByLabel('Name', { exact: true }).fill(user);
    await page.getByLabel('Password', { exact: true }).fill(password);
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Menu of/ }).waitFor();
    for (const address of await pagesOf(page, origin)) {
      if (only && !address.includes(only)) continue;
      await page.goto(origin + address);
      await look(address, address);
    }
    await context.close();
  }
} finally {
  await browser.close();
}
console.log(`${looked} looks`);
check(found.length === 0, `axe finds ${found.length} faults:\n  ${[...new Set(found)].join('\n  ')}`);
console.log('axe finds nothing');
