// What the wall and the playback page present in Debian's Firefox, driven by WebDriver BiDi. Prints a line for each, exit 1 where one fails.
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node firefox.mjs
//   VIGIE_SCREENSHOTS=DIR writes pictures as well
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { spread } from '../browser/in_step.mjs';

const { VIGIE_URL, VIGIE_USER: name, VIGIE_PASSWORD: password, VIGIE_FIREFOX = '/usr/bin/firefox-esr', VIGIE_SCREENSHOTS: screenshots } = process.env;
const WAIT_MS = 60_000;
/** Of moments, as in Chromium. */
const LEAST_WITHIN = 0.9;
const PLAYED_MS = 30_000;

if (!existsSync(VIGIE_FIREFOX)) {
  console.log(`1: Firefox: not at ${VIGIE_FIREFOX}: apt-get install firefox-esr … FAIL`);
  process.exit(1);
}
const browser = await puppeteer.launch({ browser: 'firefox', executablePath: VIGIE_FIREFOX });
const version = await browser.version();
let good = true;
try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1440, height: 900 });
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));

  const say = (words, held) => {
    good &&= held;
    console.log(`1: ${version}, ${words} … ${held ? 'pass' : 'FAIL'}`);
  };
  const until = async (what) => {
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const seen = await what();
      if (seen.ok || Date.now() > deadline) return seen;
      await new Promise((rest) => setTimeout(rest, 200));
    }
  };
  const picture = (of) => screenshots && page.screenshot({ path: join(screenshots, `firefox-${of}.png`) });
  const videos = () => page.evaluate(() => [...document.querySelectorAll('video')].map((one) => one.getVideoPlaybackQuality().totalVideoFrames));

  await page.goto(VIGIE_URL);
  await page.locator('input[name="name"]').fill(name);
  await page.locator('input[name="password"]').fill(password);
  await page.keyboard.press('Enter');
  const wall = await until(async () => {
    const frames = await videos();
    return { ok: frames.length > 1 && frames.every((count) => count > 60), frames };
  });
  say(`the wall: ${wall.frames} pictures in its windows`, wall.ok);
  await picture('wall');

  const at = new Date(Date.now() - PLAYED_MS).toISOString();
  const cameras = await page.evaluate(async () => (await (await fetch('/api/v1/cameras')).json()).map(({ id }) => id));
  await until(async () => {
    const from = new Date(Date.now() - PLAYED_MS - 10_000).toISOString();
    const held = await page.evaluate((ids, from) => Promise.all(ids.map(async (id) => (await (await fetch(`/api/v1/recordings?camera=${id}&from=${from}`)).json()).segments[0])), cameras, from);
    return { ok: held.every((one) => one && Date.parse(one.start) < Date.parse(at)) };
  });
  await page.goto(new URL(`/playback?cameras=${cameras.join(',')}&at=${at}`, VIGIE_URL).href);
  let seen = { cameras: 0, within: 0 };
  await until(async () => {
    const shown = await page.evaluate(() => [...document.querySelectorAll('figure[data-camera]')].filter((one) => one.dataset.phase === 'shown').length);
    if (shown < cameras.length) return { ok: false };
    seen = await spread(page, 3_000);
    return { ok: seen.cameras === cameras.length && seen.within >= LEAST_WITHIN };
  });
  say(`playback of ${seen.cameras} cameras: within one picture at ${Math.round(seen.within * 100)} % of ${seen.moments} moments, median ${seen.median} ms`, seen.cameras === cameras.length && seen.within >= LEAST_WITHIN);
  await picture('playback');
  say(`${faults.length} errors on the way${faults.length > 0 ? `: ${faults.join('; ').slice(0, 300)}` : ''}`, faults.length === 0);
} finally {
  await browser.close();
}
process.exit(good ? 0 : 1);
