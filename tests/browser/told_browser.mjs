// Messages of the browser: asked for, shown by the service worker, and ended; and where it cannot be.
//
// There is no push service to reach: the browser's own subscription is stood in for, and what would
// come from the service is handed to the worker by the browser's own means for that (CDP).
import { check, visitor } from './harness.mjs';

const ENDPOINT = 'https://push.example.org/vigie-test';

/** In the page: a browser whose push service takes everything. */
function standIn(endpoint) {
  let own = null;
  const manager = PushManager.prototype;
  manager.getSubscription = () => Promise.resolve(own);
  manager.subscribe = async ({ userVisibleOnly, applicationServerKey }) => {
    if (!userVisibleOnly || applicationServerKey.length !== 65) throw new Error('not what browsers take');
    const pair = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
    const text = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
    const keys = { p256dh: text(await crypto.subtle.exportKey('raw', pair.publicKey)), auth: text(crypto.getRandomValues(new Uint8Array(16))) };
    own = {
      options: { applicationServerKey: applicationServerKey.buffer },
      toJSON: () => ({ endpoint, expirationTime: null, keys }),
      unsubscribe: () => Promise.resolve(!(own = null)),
    };
    return own;
  };
}

export async function toldBrowser(here) {
  const { page, context } = here;
  const { origin } = here.settings;
  await context.grantPermissions(['notifications'], { origin });
  await page.goto(`${origin}/events`);
  await page.evaluate(standIn, ENDPOINT);
  const known = async () => (await here.get('/push/subscriptions')).length;
  const before = await known();
  await page.getByRole('button', { name: 'Tell this browser' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('[data-push="on"]').waitFor();
  check((await known()) === before + 1, 'the API knows of no further browser');
  await shows(here);
  await here.picture('told');
  await page.getByRole('button', { name: 'Tell it no more' }).click();
  await page.locator('[data-push="off"]').waitFor();
  check((await known()) === before, 'the API still knows of the browser');
  here.say('this browser: told, shows a message, told no more');
}

/** The worker shows what comes from a push service. */
async function shows(here) {
  const { page, context } = here;
  const { origin } = here.settings;
  const session = await context.newCDPSession(page);
  const registered = new Promise((found) => {
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL, isDeleted }) => scopeURL === `${origin}/` && !isDeleted);
      if (ours) found(ours.registrationId);
    });
  });
  await session.send('ServiceWorker.enable');
  const event = { id: here.moved.id, source: here.moved.source, at: here.moved.start };
  const data = JSON.stringify({ id: '01KA0000000000000000000000', at: here.moved.start, title: 'Test: motion', body: 'told by a test', alarm: false, event });
  const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
  // What is shown is forgotten at once where nothing shows it, as without a desktop: seen is that the browser took it.
  await worker.evaluate(() => {
    const show = registration.showNotification.bind(registration);
    registration.showNotification = async (title, options) => {
      await show(title, options);
      self.shown = { title, body: options.body, path: options.data.path };
    };
  });
  await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId: await registered, data });
  await here.until('the worker shows nothing', async () => {
    const seen = await worker.evaluate(() => self.shown);
    return { ok: seen !== undefined, seen };
  });
  const shown = await worker.evaluate(() => self.shown);
  const fits = shown.title === 'Test: motion' && shown.body === 'told by a test' && shown.path.startsWith(`/cameras/${here.camera.id}?at=`);
  check(fits, `the worker shows ${JSON.stringify(shown)}`);
  // What a press on it makes the worker tell the page.
  await page.evaluate((path) => navigator.serviceWorker.dispatchEvent(new MessageEvent('message', { data: { open: path } })), `/events/${here.moved.id}?at=${encodeURIComponent(here.moved.start)}`);
  await page.locator('.window[data-mode="recorded"]').waitFor();
  check(new URL(page.url()).pathname === `/cameras/${here.camera.id}`, `the press leads to ${page.url()}`);
  await page.goBack();
  await page.locator('[data-push="on"]').waitFor();
  await session.detach();
}

/** At a plain http address of another machine a browser takes no messages: the page says what to do. */
export async function insecure(browser, settings, size) {
  const { port } = new URL(settings.origin);
  const origin = `http://vigie.test:${port}`;
  const { context, page } = await visitor(browser, origin, size);
  await page.goto(`${origin}/events`);
  await page.getByLabel('Name').fill(settings.user);
  await page.getByLabel('Password').fill(settings.password);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Tell this browser' }).click();
  await page.getByText('Browsers take messages only from an https address').waitFor();
  await context.close();
  console.log(`${size.width} px: without https the page says why the browser cannot be told`);
}
