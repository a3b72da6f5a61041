// A wall of cameras whose pictures show their numbers, in Chromium: when the first picture is there, which
// number is seen when, how many pictures are dropped, what the page holds. Prints one JSON document.
//
//   VIGIE_URL=… VIGIE_USER=… VIGIE_PASSWORD=… VIGIE_WINDOWS=16 VIGIE_SECONDS=60 node live.mjs
import { check, environment, launch, visitor } from './harness.mjs';

const { origin, user, password } = environment();
const windows = Number(process.env.VIGIE_WINDOWS ?? 1);
const seconds = Number(process.env.VIGIE_SECONDS ?? 10);
/** The number in a window is read so often: reading costs more than showing. */
const LOOK_MS = 2_000;
const STRIPES = 8;

const browser = await launch();
const { context, page, faults } = await visitor(browser, origin, { width: 1920, height: 1080, scheme: 'dark' });
const signedIn = await context.request.post(`${origin}/api/v1/session`, { data: { name: user, password } });
check(signedIn.status() === 201, `signing in: ${signedIn.status()}`);

// Each picture that is presented, from the first one on.
await context.addInitScript(
  ({ LOOK_MS, STRIPES }) => {
    // What the pages themselves remember of having signed in.
    localStorage.setItem('vigie.signed_in', '1');
    const seen = { first: {}, samples: [], unreadable: 0 };
    window.vigieSeen = seen;
    const canvas = new OffscreenCanvas(STRIPES * 2, 1);
    const brush = canvas.getContext('2d', { willReadFrequently: true });
    const epoch = performance.timeOrigin;
    const number = (video) => {
      brush.drawImage(video, 0, video.videoHeight / 2, video.videoWidth, 1, 0, 0, STRIPES * 2, 1);
      const { data } = brush.getImageData(0, 0, STRIPES * 2, 1);
      let value = 0;
      for (let stripe = 0; stripe < STRIPES; stripe += 1) {
        // The middle of a stripe is where its two places touch.
        const level = (data[8 * stripe + 1] + data[8 * stripe + 5]) / 2;
        if (level > 90 && level < 165) return null;
        if (level >= 165) value |= 1 << stripe;
      }
      return value;
    };
    const watch = (video, camera) => {
      let looked = 0;
      const each = (now, { expectedDisplayTime }) => {
        video.requestVideoFrameCallback(each);
        seen.first[camera] ??= now;
        if (now - looked < LOOK_MS) return;
        looked = now;
        const shown = number(video);
        if (shown === null) seen.unreadable += 1;
        else seen.samples.push({ camera, number: shown, at: epoch + expectedDisplayTime, now: epoch + performance.now() });
      };
      video.requestVideoFrameCallback(each);
    };
    const known = new WeakSet();
    const find = () => {
      for (const video of document.querySelectorAll('[data-camera] video')) {
        if (known.has(video)) continue;
        known.add(video);
        watch(video, video.closest('[data-camera]').dataset.camera);
      }
    };
    new MutationObserver(find).observe(document, { childList: true, subtree: true });
  },
  { LOOK_MS, STRIPES },
);

await page.goto(origin);
await page.waitForFunction((count) => Object.keys(window.vigieSeen.first).length >= count, windows, { timeout: 60_000 });
const first = await page.evaluate(() => Object.values(window.vigieSeen.first));
const protocol = await context.newCDPSession(page);
await protocol.send('Performance.enable');

/** What the page holds after its garbage is gone, and the pictures of all windows. */
async function held() {
  await protocol.send('HeapProfiler.collectGarbage');
  const { metrics } = await protocol.send('Performance.getMetrics');
  const of = (name) => metrics.find((metric) => metric.name === name).value;
  const pictures = await page.evaluate(() =>
    [...document.querySelectorAll('[data-camera] video')].map((video) => {
      const { totalVideoFrames, droppedVideoFrames } = video.getVideoPlaybackQuality();
      return { total: totalVideoFrames, dropped: droppedVideoFrames };
    }),
  );
  return { heap: of('JSHeapUsedSize'), nodes: of('Nodes'), work_s: of('TaskDuration'), pictures };
}

// The first seconds are a start of everything.
await page.waitForTimeout(5_000);
const before = await held();
const half = [];
for (let part = 0; part < 2; part += 1) {
  await page.waitForTimeout((seconds * 1000) / 2);
  half.push(await held());
}
const { samples, unreadable } = await page.evaluate(() => window.vigieSeen);
check(faults.length === 0, faults.join('\n'));
console.log(JSON.stringify({ first_ms: first, before, middle: half[0], after: half[1], samples, unreadable }));
await browser.close();
