// A recorder whose disk takes nothing says so under the picture, with the reason, at 1440 and 390 px.
// Exit 1 with the first thing that is wrong.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node no-disk.mjs
import { Failure, check, environment, launch, visitor } from './harness.mjs';

const settings = environment();

async function visit(browser, size) {
  const { context, page, faults } = await visitor(browser, settings.origin, size);
  await page.goto(settings.origin);
  await page.getByLabel('Name').fill(settings.user);
  await page.getByLabel('Password').fill(settings.password);
  await page.keyboard.press('Enter');
  const alarm = page.locator('article').first().getByRole('alert');
  await alarm.waitFor();
  const response = await context.request.get(`${settings.origin}/api/v1/cameras`);
  const [{ not_recording: reason, recording }] = await response.json();
  check(reason && recording.length === 0, `the recorder says it records: ${JSON.stringify({ reason, recording })}`);
  const text = await alarm.innerText();
  check(text.includes('Not recorded') && text.includes(reason), `the page says ${JSON.stringify(text)}, not ${JSON.stringify(reason)}`);
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wider <= 0, `the page is ${wider} px wider than the window`);
  if (settings.screenshots) await page.screenshot({ path: `${settings.screenshots}/no-disk-${size.width}-${size.scheme}.png` });
  check(faults.length === 0, `the page did what it must not:\n  ${faults.join('\n  ')}`);
  await context.close();
  console.log(`${size.width} px: the alarm is there, with its reason`);
}

const browser = await launch();
try {
  await visit(browser, { width: 1440, height: 900, scheme: 'light' });
  await visit(browser, { width: 390, height: 844, scheme: 'dark' });
} catch (error) {
  console.error(`no disk: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
