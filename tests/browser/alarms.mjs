// Alarms on the pages of a running recorder, from phones to desktops: panel, marks, pop-ups, recording by hand,
// bars by cause, events, what was done about them, messages of the browser. What the page shows is read back through the API. Exit 1 with the first thing
// that is wrong.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node alarms.mjs
//   VIGIE_GUEST, VIGIE_GUEST_PASSWORD: somebody who is no administrator (left out without).
//   VIGIE_SIZES="1440x900-light 390x844-dark": other windows than these four.
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
//
// With these in the configuration, inputs, outputs and pop-ups are tried too (gate: any camera):
//   [[input]]   id = "door", kind = "http", token = "…"
//   [[output]]  id = "siren", kind = "http", on = "http://…", off = "http://…", hold = "10s"
//   [[rule]]    id = "break-in", on = ["sensor"], record = ["gate"], snapshot = ["gate"], outputs = ["siren"], buzzer = true, popup_video = ["gate"], popup_message = true
//   [[rule]]    id = "tell", on = ["external"], popup_message = true
import { Failure, check, environment, launch } from './harness.mjs';
import * as firstPage from './alarms_first_page.mjs';
import * as eventsPage from './events_page.mjs';
import { outcomes } from './outcomes.mjs';
import { insecure, toldBrowser } from './told_browser.mjs';
import { Visit } from './visit.mjs';

const settings = environment();
const { VIGIE_GUEST: guest, VIGIE_GUEST_PASSWORD: guestPassword } = process.env;
const sizes = (process.env.VIGIE_SIZES ?? '1440x900-light 1280x720-dark 820x1180-light 390x844-dark').split(' ').map((text) => {
  const [, width, height, scheme] = /^(\d+)x(\d+)-(light|dark)$/.exec(text) ?? [];
  check(width, `VIGIE_SIZES: ${text} is not like 1440x900-light`);
  return { width: Number(width), height: Number(height), scheme };
});

async function administrator(browser, size) {
  const here = await Visit.enter(browser, settings, size, settings);
  await firstPage.panel(here);
  await firstPage.motion(here);
  await firstPage.byHand(here);
  await firstPage.trigger(here);
  await firstPage.input(here);
  await firstPage.output(here);
  await firstPage.bars(here);
  await firstPage.keyboard(here);
  await outcomes(here);
  await eventsPage.storm(here);
  await eventsPage.events(here);
  await eventsPage.jump(here);
  await toldBrowser(here);
  await eventsPage.lostLine(here);
  await here.leave();
}

async function nobody(browser, size) {
  const here = await Visit.enter(browser, settings, size, { user: guest, password: guestPassword });
  await firstPage.noButtons(here);
  await here.leave();
}

const browser = await launch();
try {
  for (const size of sizes) {
    await administrator(browser, size);
    if (guest) await nobody(browser, size);
  }
  await insecure(browser, settings, sizes[0]);
  console.log('alarms: all well');
} catch (error) {
  console.error(`alarms: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
