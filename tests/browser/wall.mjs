// The live wall of a running recorder in Chromium, by mouse, by finger and by keyboard: cameras are dragged,
// walls saved and recalled, windows enlarged, zoomed, replayed, recorded by hand, pictures saved, turns taken.
// What the page does is read back through the API, from files, or from the pictures. Exit 1 with the first
// thing that is wrong.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… node wall.mjs      (somebody who may record by hand; two cameras at least)
//   VIGIE_SCREENSHOTS=DIR writes pictures as well.
import { Failure, environment, launch } from './harness.mjs';
import { Wall } from './wall_visit.mjs';
import * as tools from './wall_tools.mjs';
import * as walls from './wall_layouts.mjs';

const settings = environment();

async function desktop(browser) {
  const here = await Wall.enter(browser, settings, { width: 1440, height: 900, scheme: 'dark' });
  await walls.layouts(here);
  await walls.drags(here);
  await walls.keyboard(here);
  await walls.preset(here);
  await tools.fullSize(here);
  await tools.snapshot(here);
  await tools.byHand(here);
  await tools.replay(here);
  await tools.zoom(here);
  await tools.info(here);
  await walls.group(here);
  await walls.pages(here);
  await walls.kiosk(here);
  await walls.keys(here);
  await here.leave();
}

async function phone(browser) {
  const here = await Wall.enter(browser, settings, { width: 390, height: 844, scheme: 'light' });
  await tools.touch(here);
  await here.leave();
}

/** As on an iPhone: the only media source there is says when it wants media. */
async function managed(browser) {
  const here = await Wall.enter(browser, settings, { width: 390, height: 844, scheme: 'dark' }, tools.onlyManaged);
  await tools.managed(here);
  await here.leave();
}

const browser = await launch();
try {
  for (const visit of [desktop, phone, managed]) await visit(browser);
  console.log('wall: all well');
} catch (error) {
  console.error(`wall: ${error instanceof Failure ? error.message : error.stack}`);
  process.exitCode = 1;
} finally {
  await browser.close();
}
