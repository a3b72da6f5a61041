// A browser that notes what a page must not do.
import { existsSync } from 'node:fs';
import { chromium, firefox } from 'playwright-core';

export class Failure extends Error {}

export function check(condition, message) {
  if (!condition) throw new Failure(message);
}

export function environment() {
  const { VIGIE_URL, VIGIE_USER, VIGIE_PASSWORD, VIGIE_SCREENSHOTS } = process.env;
  check(VIGIE_URL && VIGIE_USER && VIGIE_PASSWORD, 'set VIGIE_URL, VIGIE_USER and VIGIE_PASSWORD: `vigie demo` prints them');
  return { origin: new URL(VIGIE_URL).origin, user: VIGIE_USER, password: VIGIE_PASSWORD, screenshots: VIGIE_SCREENSHOTS };
}

/** Chromium; with VIGIE_BROWSER=firefox Debian's Firefox, by WebDriver BiDi (Playwright 1.65 asks for what 153 ESR does not know yet). */
export async function launch() {
  if (process.env.VIGIE_BROWSER === 'firefox') {
    const executablePath = process.env.VIGIE_FIREFOX ?? '/usr/bin/firefox-esr';
    check(existsSync(executablePath), `no Firefox at ${executablePath}: install it (apt-get install firefox-esr) or set VIGIE_FIREFOX`);
    return firefox.launch({ channel: 'moz-firefox', executablePath });
  }
  const candidates = [process.env.VIGIE_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
  const executablePath = candidates.find((path) => path && existsSync(path));
  check(executablePath, 'no Chromium: install it (apt-get install chromium) or set VIGIE_CHROMIUM');
  const args = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP vigie.test 127.0.0.1'];
  return chromium.launch({ executablePath, chromiumSandbox: process.getuid?.() !== 0, args });
}

/** A fresh visitor; `faults` collects console errors, other origins, and moves of the layout. */
export async function visitor(browser, origin, { width, height, scheme }) {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    hasTouch: width < 600,
    deviceScaleFactor: width < 600 ? 2 : 1,
    locale: 'en-GB',
    // Authorities of tests are nobody's.
    ignoreHTTPSErrors: true,
  });
  await context.addInitScript(() => {
    window.layoutShift = 0;
    // What moved, for whoever has to find out why.
    window.moved = [];
    const named = ({ node, previousRect: from, currentRect: to }) =>
      `${node?.nodeName} ${node?.className ?? ''} ${from.x},${from.y} ${from.width}x${from.height} to ${to.x},${to.y} ${to.width}x${to.height}`;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) {
        if (entry.hadRecentInput) continue;
        window.layoutShift += entry.value;
        window.moved.push(`${entry.value.toFixed(4)}: ${entry.sources.map(named).join('; ')}`);
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const faults = [];
  const host = new URL(origin).host;
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => faults.push(`exception: ${error.stack ?? error.message}`));
  const asked = (url) => {
    const { protocol, host: to } = new URL(url);
    if (!['blob:', 'data:'].includes(protocol) && to !== host) faults.push(`request to another origin: ${url}`);
  };
  page.on('request', (request) => asked(request.url()));
  page.on('websocket', (socket) => asked(socket.url()));
  return { context, page, faults };
}
