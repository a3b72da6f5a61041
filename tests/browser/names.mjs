// Markup in whatever people may name: cameras, rules, schedules, tags, presets, groups, events, the recorder itself.
// Every page shows it as the text it is, runs nothing of it, and its policy has nothing to complain about.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node names.mjs
// What it adds has ids that begin with "evil" and is taken away again.
import { Failure, check, environment, launch, visitor } from './harness.mjs';

const { origin, user, password } = environment();
/** As short as names must be; each runs in another place of a document. */
const EVIL = ['<img src=x onerror=evil()>', '"><script>evil()</script>', "'-evil()-'", 'javascript:evil()', '{{evil()}}', '</title><svg onload=evil()>'];
const [IMG, SCRIPT, QUOTE, LINK, CURLY, TITLE] = EVIL;
const PAGES = ['/', '/playback?cameras=evil', '/cameras/evil', '/events', '/settings/cameras', '/settings/cameras/evil', '/settings/rules', '/settings/schedules', '/settings/recording', '/settings/groups', '/settings/tokens', '/settings/configuration', '/system', '/system/tree', '/system/log', '/system/audit'];

const browser = await launch();
const { context, page, faults } = await visitor(browser, origin, { width: 1440, height: 900, scheme: 'dark' });
await context.addInitScript(() => {
  window.ran = 0;
  window.evil = () => (window.ran += 1);
  localStorage.setItem('vigie.signed_in', '1');
});

async function ask(method, path, data, headers = {}) {
  const response = await context.request.fetch(`${origin}/api/v1${path}`, { method, headers: { connection: 'close', ...headers }, ...(data ? { data } : {}) });
  return { status: response.status(), body: await response.json().catch(() => null) };
}

async function done(method, path, data, headers) {
  const { status, body } = await ask(method, path, data, headers);
  check(status < 300, `${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

async function plant() {
  const { camera, server } = await done('GET', '/config');
  const now = new Date().toISOString();
  await done('PUT', '/config/camera/evil', { id: 'evil', name: IMG, main: { url: camera[0].main.url } });
  await done('PUT', '/config/schedule/evil', { id: 'evil', name: SCRIPT, mon: ['08:00-09:00'] });
  await done('PUT', '/config/rule/evil', { id: 'evil', name: QUOTE, on: ['external'], popup_message: true });
  await done('PUT', '/config/server', { ...server, name: TITLE });
  await done('POST', '/events', { kind: 'external', text: EVIL.join(' ') });
  const tag = await done('POST', '/tags', { at: now, text: `${CURLY} ${IMG}` });
  await done('PUT', '/layouts/evil', { name: LINK + IMG, body: { kind: 'wall', windows_shown: 4, windows: ['evil'] }, shared: true }, { 'if-none-match': '*' });
  const token = await done('POST', '/tokens', { name: SCRIPT, rights: { house: [], every_camera: ['live'], cameras: {} } });
  return async () => {
    await ask('DELETE', `/tokens/${token.id}`);
    await ask('DELETE', '/layouts/evil');
    await ask('DELETE', `/tags/${tag.id}`);
    await ask('PUT', '/config/server', server);
    for (const table of ['rule', 'schedule', 'camera']) await ask('DELETE', `/config/${table}/evil`);
  };
}

try {
  check((await ask('POST', '/session', { name: user, password })).status === 201, 'signing in');
  const tidyUp = await plant();
  let seen = 0;
  try {
    for (const path of PAGES) {
      await page.goto(origin + path);
      await page.locator('main').waitFor();
      await page.waitForLoadState('networkidle').catch(() => {});
      const { ran, made, shown } = await page.evaluate((evil) => {
        const words = document.body.innerText;
        return {
          ran: window.ran,
          made: [...document.querySelectorAll('[onerror], [onload], a[href^="javascript:"], img[src="x"]')].map(({ outerHTML }) => outerHTML.slice(0, 160)),
          shown: evil.filter((one) => words.includes(one)).length,
        };
      }, EVIL);
      check(ran === 0, `${path}: what somebody wrote as a name runs`);
      check(made.length === 0, `${path}: what somebody wrote as a name is part of the page: ${made.join('; ')}`);
      seen += shown;
    }
    // The wall's windows, its presets and its camera list name them all.
    await page.goto(origin);
    await page.getByRole('button', { name: /^Presets(:|$)/ }).click();
    await page.getByText(LINK + IMG).waitFor();
    check((await page.evaluate(() => window.ran)) === 0, 'a preset’s name runs');
  } finally {
    await tidyUp();
  }
  check(seen >= PAGES.length, `the names are shown ${seen} times on ${PAGES.length} pages: they were not looked at`);
  const wrong = faults.filter((fault) => !/WebSocket|40[4]/.test(fault));
  check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
  console.log(`names: ${PAGES.length} pages, ${seen} times text, never markup`);
} catch (error) {
  console.error(`names: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
