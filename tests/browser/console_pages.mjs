// Every page of a console, and when one is there.
const LISTS = { cameras: 'camera', schedules: 'schedule', motion: 'camera', disks: 'disk', rules: 'rule', inputs: 'input', outputs: 'output', recipients: 'recipient', push: 'push' };
const SINGLE = ['recording', 'snapshots', 'buzzer', 'email', 'mqtt', 'account', 'users', 'groups', 'sessions', 'tokens', 'network', 'certificate', 'access', 'time', 'appearance', 'configuration'];

/** Every address, with one entry of each list that has any. */
export async function pagesOf(page, origin) {
  const config = await (await page.request.get(`${origin}/api/v1/config`)).json();
  const cameras = config.camera ?? [];
  const entry = ([section, table]) => [`/settings/${section}`, ...(config[table]?.length ? [`/settings/${section}/${config[table][0].id}`] : [])];
  return [
    '/', ...(cameras.length ? [`/cameras/${cameras[0].id}`] : []), '/events', '/playback', '/settings',
    ...Object.entries(LISTS).flatMap(entry), ...SINGLE.map((section) => `/settings/${section}`), '/settings/groups/administrator',
    ...['overview', 'tree', 'log', 'audit'].map((section) => `/system/${section}`), '/welcome',
  ];
}

/** Pages show at first that they load; live pictures never rest. */
export async function settled(page) {
  await page.locator('h1').first().waitFor({ state: 'attached' });
  await page.waitForFunction(() => ![...document.querySelectorAll('[role="status"]')].some(({ textContent }) => ['Loading…', 'Chargement…', 'Memuat…'].includes(textContent)), null, { timeout: 15_000 }).catch(() => {});
  await page.waitForTimeout(400);
}
