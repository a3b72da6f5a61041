// People and their ways in, against the mock recorder (npm run mock): set-up link, second factor, users, tokens; each
// dialog is looked at by axe-core.
//   VIGIE_URL=http://127.0.0.1:8090 VIGIE_USER=demo VIGIE_PASSWORD=demo node accounts.mjs
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { check, environment, launch, visitor } from './harness.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What the mock takes as a code of its second factor. */
const CODE = '123456';
const NEW = 'three words of mine';
const { origin, user, password, screenshots } = environment();
const browser = await launch();

async function look(page, name, { width, scheme }) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] } }));
  check(violations.length === 0, `${name}: ${violations.map(({ id, nodes }) => `${id} ${nodes[0].html.slice(0, 160)}`).join('; ')}`);
  if (!screenshots) return;
  mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `dialog-${name}-${width}-${scheme}.png`) });
}

async function signIn(page, name, words) {
  await page.goto(origin);
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByLabel('Password', { exact: true }).fill(words);
  await page.keyboard.press('Enter');
}

async function visit(size) {
  const { context, page, faults } = await visitor(browser, origin, size);
  const dialog = page.getByRole('dialog');
  const name = `try-${size.width}-${Date.now() % 10_000}`;
  await signIn(page, user, password);
  await page.getByRole('button', { name: `Menu of ${user}` }).click();
  await look(page, 'menu', size);
  await page.keyboard.press('Escape');

  await page.goto(`${origin}/settings/users`);
  await page.getByRole('button', { name: 'Add a user' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill(name);
  await dialog.getByLabel('Password', { exact: true }).fill('short');
  await dialog.getByText('Too short').waitFor();
  await dialog.getByLabel('Password', { exact: true }).fill(NEW);
  await dialog.getByLabel('Only some cameras').check();
  await dialog.getByLabel('Front gate').check();
  await look(page, 'user', size);
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  const row = page.locator(`[data-row="${name}"]`);
  await row.getByText('Front gate').waitFor();

  await page.goto(`${origin}/settings/tokens`);
  await page.getByRole('button', { name: 'Make a token' }).click();
  await dialog.getByLabel('Name', { exact: true }).fill('Try');
  await dialog.getByLabel('Every camera: Live', { exact: true }).check();
  await look(page, 'token', size);
  await dialog.getByRole('button', { name: 'Make it' }).click();
  check((await dialog.getByLabel('Token', { exact: true }).inputValue()).startsWith('vigie_'), 'the token is not shown');
  await look(page, 'token-made', size);
  await page.keyboard.press('Escape');

  // The new user switches a second factor on, and signs in with it.
  await page.getByRole('button', { name: `Menu of ${user}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByText('Sign in to see').waitFor();
  await signIn(page, name, NEW);
  await page.getByRole('button', { name: `Menu of ${name}` }).waitFor();
  await page.goto(`${origin}/settings/account`);
  await page.getByRole('button', { name: 'Switch on' }).click();
  await dialog.getByLabel('Your password').fill(NEW);
  await page.keyboard.press('Enter');
  await dialog.getByRole('img', { name: 'Code for the authenticator app' }).waitFor();
  await look(page, 'second-factor', size);
  await dialog.getByLabel('Code of six digits').fill('000000');
  await page.keyboard.press('Enter');
  await dialog.getByText('this code is wrong').waitFor();
  await dialog.getByLabel('Code of six digits').fill(CODE);
  await page.keyboard.press('Enter');
  await dialog.getByRole('listitem').nth(9).waitFor();
  await look(page, 'recovery-codes', size);
  await dialog.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByRole('button', { name: 'Switch off' }).waitFor();
  check((await page.getByRole('link', { name: 'Users', exact: true }).count()) === 0, 'an ordinary user is shown the users');
  await page.getByRole('button', { name: `Menu of ${name}` }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByText('Sign in to see').waitFor();
  await signIn(page, name, NEW);
  await page.getByLabel(/^Code of your second factor/).fill(CODE);
  await look(page, 'sign-in-code', size);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: `Menu of ${name}` }).waitFor();
  const wrong = faults.filter((fault) => !/40[134]|WebSocket/.test(fault));
  check(wrong.length === 0, `the page did what it must not:\n  ${wrong.join('\n  ')}`);
  await context.close();
  console.log(`${size.width} px: users, tokens, second factor`);
}

try {
  await visit({ width: 1440, height: 900, scheme: 'light' });
  await visit({ width: 390, height: 844, scheme: 'dark' });
} finally {
  await browser.close();
}
