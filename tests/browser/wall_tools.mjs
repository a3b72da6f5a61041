// What is done in one window of the wall.
import { readFileSync } from 'node:fs';
import { check } from './harness.mjs';

/** The place of a camera that has what is asked for. */
const placeOf = async (here, id) => (await here.standing()).indexOf(id);

async function wall(here) {
  await here.choose('Presets', 'All cameras');
  const [a, b] = here.cameras;
  await here.until('not all cameras are shown', async () => {
    const seen = await here.standing();
    return { ok: seen.includes(a.id) && seen.includes(b.id), seen };
  });
  return placeOf(here, a.id);
}

/** By double click, by button, by keyboard; the main stream then, and back where it was. */
export async function fullSize(here) {
  const { page } = here;
  const place = await wall(here);
  const [camera] = here.cameras;
  const ways = {
    'double click': () => here.window(place).dblclick({ position: { x: 80, y: 80 } }),
    button: async () => (await here.tools(place)).getByRole('button', { name: `${camera.name} at full size` }).click(),
    Enter: async () => {
      await here.window(place).focus();
      await page.keyboard.press('Enter');
    },
  };
  for (const [way, go] of Object.entries(ways)) {
    await go();
    await page.locator(`article.full[data-camera="${camera.id}"]`).waitFor();
    await here.until(`${way}: not the main stream`, async () => {
      const seen = await here.plays(place, way);
      return { ok: seen.width === camera.streams.main.width, seen };
    });
    check((await page.locator('[data-window]:visible').count()) === 1, `${way}: other windows are seen`);
    await here.until(`${way}: what is out of sight takes a stream`, async () => {
      const seen = await page.locator('[data-camera]:not(.full) .window').evaluateAll((all) => all.map(({ dataset }) => dataset.phase));
      return { ok: seen.length > 0 && seen.every((phase) => phase === 'idle'), seen };
    });
    if (way === 'button') await here.look('wall-full');
    if (way === 'double click') await here.window(place).dblclick({ position: { x: 80, y: 80 } });
    else await page.keyboard.press('Escape');
    await page.locator('article.full').waitFor({ state: 'detached' });
    await here.plays(place, `back after ${way}`);
  }
  here.say('full size and back by double click, button and keyboard');
}

/** Width and height of a JPEG, by its frame header (ITU-T T.81, B.2.2). */
function sizeOf(jpeg) {
  check(jpeg.readUInt16BE(0) === 0xffd8, 'the saved picture is no JPEG');
  for (let at = 2; at + 9 < jpeg.length; ) {
    const marker = jpeg.readUInt16BE(at);
    if (marker >= 0xffc0 && marker <= 0xffc2) return { height: jpeg.readUInt16BE(at + 5), width: jpeg.readUInt16BE(at + 7) };
    at += 2 + jpeg.readUInt16BE(at + 2);
  }
  return null;
}

export async function snapshot(here) {
  const place = await wall(here);
  const camera = here.cameras[0];
  const tools = await here.tools(place);
  const [download] = await Promise.all([here.page.waitForEvent('download'), tools.getByRole('button', { name: `Save a picture of ${camera.name}` }).click()]);
  check(/^[^/]+_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.jpg$/.test(download.suggestedFilename()), `the file is called ${download.suggestedFilename()}`);
  const size = sizeOf(readFileSync(await download.path()));
  const { width, height } = camera.streams.main;
  check(size?.width === width && size.height === height, `the picture is ${JSON.stringify(size)}, the camera's ${width}×${height}`);
  here.say(`${camera.id}: ${download.suggestedFilename()}, a JPEG of ${width}×${height}`);
}

/** Begun by button, ended by key; the API tells so, and a mark. */
export async function byHand(here) {
  const place = await wall(here);
  const { id, name } = here.cameras[0];
  const tools = await here.tools(place);
  await tools.getByRole('button', { name: `Record ${name} by hand` }).click();
  await here.window(place).locator('[data-mark="manual"]').waitFor();
  await here.until('the API does not say that it is recorded by hand', async () => {
    const { recording } = await here.camera(id);
    return { ok: recording.includes('manual'), seen: recording };
  });
  await here.until('the label does not tell why it is recorded', async () => {
    const seen = await here.window(place).locator('[data-recording]').getAttribute('data-recording');
    return { ok: seen?.includes('manual') ?? false, seen };
  });
  await here.window(place).focus();
  await here.page.keyboard.press('r');
  await here.window(place).locator('[data-mark="manual"]').waitFor({ state: 'detached' });
  here.say(`${id}: recorded by hand, and stopped by key`);
}

/** The last minute inside the window, and live again. */
export async function replay(here) {
  const { page } = here;
  const place = await wall(here);
  const window = here.window(place);
  const [camera] = here.cameras;
  // A recorder that has just been started has no minute yet.
  let age = 0;
  await here.until('there is no footage of the last half minute', async () => {
    age = (Date.now() - (await here.recordedSince(camera.id))) / 1000;
    return { ok: age >= 30, seen: age };
  });
  const asked = Date.now();
  await (await here.tools(place)).getByRole('button', { name: 'Play the last minute' }).click();
  await window.locator('.window[data-mode="recorded"][data-phase="playing"]').waitFor();
  const seen = await here.plays(place, 'replay');
  check(seen.width === camera.streams.main.width, `the replay is ${seen.width} wide`);
  const time = /(\d\d):(\d\d):(\d\d)/.exec(seen.says);
  check(time, `no time over the replay: ${seen.says}`);
  const now = new Date(asked);
  const ago = ((now.getHours() - time[1]) * 3600 + (now.getMinutes() - time[2]) * 60 + now.getSeconds() - time[3] + 86_400) % 86_400;
  const expected = Math.min(60, age);
  check(ago >= expected - 15 && ago <= expected + 15, `the replay began ${ago} s ago, footage ${Math.round(age)} s ago`);
  await here.look('wall-replay');
  await window.getByRole('button', { name: 'Pause' }).click();
  await window.locator('.window[data-phase="paused"]').waitFor();
  await window.focus();
  await page.keyboard.press('l');
  await window.locator('.window[data-mode="live"][data-phase="playing"]').waitFor();
  await here.plays(place, 'live after a replay');
  here.say(`${camera.id}: replay from ${Math.round(ago)} s ago, paused, and live again`);
}

/** By wheel, by dragging, by keys; nothing beyond the picture. */
export async function zoom(here) {
  const { page } = here;
  const place = await wall(here);
  const window = here.window(place);
  const transform = () => window.locator('video').evaluate((video) => new DOMMatrix(getComputedStyle(video).transform));
  const box = await window.boundingBox();
  const at = { x: box.x + box.width * 0.75, y: box.y + box.height * 0.5 };
  await page.mouse.move(at.x, at.y);
  for (let i = 0; i < 6; i += 1) await page.mouse.wheel(0, -120);
  await here.until('the wheel does not zoom', async () => {
    const seen = await transform();
    return { ok: seen.a > 2, seen };
  });
  const near = await transform();
  // What was under the pointer is still there.
  const fixed = (at.x - box.x - near.e) / near.a / box.width;
  check(Math.abs(fixed - 0.75) < 0.02, `under the pointer is now ${fixed}`);
  await here.look('wall-zoom');
  await page.mouse.down();
  await page.mouse.move(at.x - 80, at.y, { steps: 4 });
  await page.mouse.up();
  const moved = await transform();
  check(moved.e < near.e - 40, `dragging moved the part by ${moved.e - near.e}`);
  check((await here.standing())[place] === here.cameras[0].id, 'dragging a part moved the camera');
  await window.focus();
  await page.keyboard.press('ArrowLeft');
  check((await transform()).e > moved.e, 'an arrow does not move the part');
  await page.keyboard.press('0');
  check((await transform()).isIdentity, 'the whole picture is not back');
  here.say('zoom by wheel, moved by dragging and by arrows, and back');
}

export async function info(here) {
  const place = await wall(here);
  const [camera] = here.cameras;
  await here.window(place).focus();
  await here.page.keyboard.press('i');
  const line = (key) => here.window(place).locator(`[data-info="${key}"]`);
  const size = await line('size').innerText();
  const fits = Object.values(camera.streams).some(({ width, height }) => size === `${width} × ${height}`);
  check(fits, `the picture is said to be ${size}`);
  check(/^H\.26[45]$/.test(await line('codec').innerText()), `the codec is ${await line('codec').innerText()}`);
  await here.until('how far behind it is, is not told', async () => {
    const seen = await line('behind').innerText();
    return { ok: /^[\d.]+ s$/.test(seen) && parseFloat(seen) < 3, seen };
  });
  await here.look('wall-info');
  await here.page.keyboard.press('i');
  here.say(`${camera.id}: ${size}, told`);
}

/** With a finger: tools of at least 24 px, full size, a camera put into a window. */
export async function touch(here) {
  const { page } = here;
  const place = await wall(here);
  await here.plays(place, 'phone');
  const tools = await here.tools(place);
  await here.look('wall-phone-tools');
  const small = await page.getByRole('button').evaluateAll((all) =>
    all.flatMap((one) => {
      const { width, height } = one.getBoundingClientRect();
      return width > 0 && Math.min(width, height) < 24 ? [`${one.getAttribute('aria-label') ?? one.innerText}: ${width}×${height}`] : [];
    }),
  );
  check(small.length === 0, `too small for a finger: ${small.join(', ')}`);
  await tools.getByRole('button', { name: /at full size$/ }).tap();
  await page.locator('article.full').waitFor();
  await here.look('wall-phone-full');
  await page.locator('article.full').getByRole('button', { name: 'Back to all windows' }).tap();
  await page.locator('article.full').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Show the list of cameras' }).tap();
  await here.look('wall-phone-list');
  await page.getByRole('button', { name: 'Empty all windows' }).tap();
  const camera = here.cameras[1];
  await page.locator(`[data-list-camera="${camera.id}"]`).tap();
  await here.stands([camera.id], 'a press on the list puts no camera on the wall');
  await page.getByRole('complementary', { name: 'Cameras' }).getByRole('button', { name: 'Hide the list of cameras' }).tap();
  await here.plays(0, 'a camera from the list');
  await here.choose('Presets', 'All cameras');
  await fingers(here);
  here.say('by finger: tools, full size, a camera from the list, two fingers, a drag');
}

/** Two fingers zoom; one on the handle takes the camera to another window. */
async function fingers(here) {
  const { page } = here;
  const [a, b] = here.cameras;
  await page.evaluate(() => scrollTo(0, 0));
  const place = await placeOf(here, a.id);
  const other = await placeOf(here, b.id);
  const session = await here.context.newCDPSession(page);
  const touch = (type, ...points) => session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
  const box = await here.window(place).boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await touch('touchStart', [x - 20, y]);
  await touch('touchStart', [x - 20, y], [x + 20, y]);
  for (let apart = 25; apart <= 60; apart += 5) await touch('touchMove', [x - apart, y], [x + apart, y]);
  await touch('touchEnd');
  const scale = () => here.window(place).locator('video').evaluate((video) => new DOMMatrix(getComputedStyle(video).transform).a);
  check((await scale()) > 2, `two fingers zoom to ${await scale()}`);
  await here.look('wall-phone-zoom');
  await here.window(place).getByRole('button', { name: /Whole picture$/ }).tap();
  check((await scale()) === 1, 'the whole picture is not back');
  const grip = await (await here.tools(place)).getByRole('button', { name: /^Drag/ }).boundingBox();
  const target = await here.window(other).boundingBox();
  await touch('touchStart', [grip.x + 10, grip.y + 10]);
  await touch('touchMove', [grip.x + 10, grip.y + 60]);
  await touch('touchMove', [target.x + 60, target.y + 60]);
  await page.locator('.cargo').waitFor();
  await touch('touchEnd');
  await here.stands(place < other ? [b.id, a.id] : [a.id, b.id], 'a finger drags no camera to another window');
  await here.choose('Presets', 'All cameras');
}

/** In the page: no media source but one that is managed, as Safari on iPhone has it. */
export function onlyManaged() {
  const Native = MediaSource;
  window.managed = [];
  window.ManagedMediaSource = class extends Native {
    streaming = false;
    constructor() {
      super();
      window.managed.push(this);
      this.addEventListener('sourceopen', () => this.want(true));
    }
    want(streaming) {
      this.streaming = streaming;
      this.dispatchEvent(new Event(streaming ? 'startstreaming' : 'endstreaming'));
    }
  };
  delete window.MediaSource;
}

export async function managed(here) {
  const { page } = here;
  const place = await wall(here);
  await here.plays(place, 'a managed source');
  check((await page.evaluate(() => typeof MediaSource)) === 'undefined', 'there is another source');
  const remote = await here.window(place).locator('video').evaluate((video) => video.disableRemotePlayback);
  check(remote, 'the video may be played elsewhere, so that Safari would not open its source');
  // While it wants nothing it is given nothing, and goes on when it wants more.
  const edge = () => here.window(place).locator('video').evaluate((video) => (video.buffered.length ? video.buffered.end(video.buffered.length - 1) : 0));
  await page.evaluate(() => window.managed.forEach((source) => source.want(false)));
  await page.waitForTimeout(500);
  const before = await edge();
  await page.waitForTimeout(1_500);
  check((await edge()) === before, 'media is appended that is not wanted');
  await page.evaluate(() => window.managed.forEach((source) => source.want(true)));
  await here.plays(place, 'wanted again');
  here.say('a managed media source, as on an iPhone: fed when it wants to be');
}
