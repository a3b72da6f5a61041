// Lighthouse on the pages of somebody who is signed in, as a desktop and as a phone; prints a line for each.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node pages.mjs PATH…
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import lighthouse, { desktopConfig } from 'lighthouse';
import { chromium } from 'playwright-core';

const { VIGIE_URL, VIGIE_USER: name, VIGIE_PASSWORD: password, VIGIE_CHROMIUM = '/usr/bin/chromium' } = process.env;
const { origin } = new URL(VIGIE_URL);
/** Of 100. */
const LEAST = 90;

const port = await new Promise((found) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => found(port));
  });
});
const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), 'vigie-lighthouse-')), {
  executablePath: VIGIE_CHROMIUM,
  chromiumSandbox: process.getuid?.() !== 0,
  args: [`--remote-debugging-port=${port}`, '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
let good = true;
try {
  const signedIn = await context.request.post(`${origin}/api/v1/session`, { data: { name, password } });
  if (signedIn.status() !== 201) throw new Error(`signing in: ${signedIn.status()}`);
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(origin);
  await page.evaluate(() => localStorage.setItem('vigie.signed_in', '1'));
  await page.goto('about:blank');
  for (const path of process.argv.slice(2)) {
    for (const [form, config] of [['desktop', desktopConfig], ['phone', undefined]]) {
      const { lhr } = await lighthouse(origin + path, { port, onlyCategories: ['performance'], disableStorageReset: true, logLevel: 'error' }, config);
      if (lhr.runtimeError) throw new Error(`${path}: ${lhr.runtimeError.message}`);
      const told = (id) => lhr.audits[id].displayValue.replace(/\s/g, ' ');
      const score = Math.round(lhr.categories.performance.score * 100);
      good &&= score >= LEAST;
      console.log(`5: Lighthouse ${lhr.lighthouseVersion}, ${path} on a ${form}: performance ${score} (first picture of the page ${told('first-contentful-paint')}, largest ${told('largest-contentful-paint')}, blocked ${told('total-blocking-time')}, moved ${told('cumulative-layout-shift')}) … ${score >= LEAST ? 'pass' : 'FAIL'}`);
    }
  }
} finally {
  await context.close();
}
process.exit(good ? 0 : 1);
