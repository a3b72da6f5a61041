/**
 * The service worker: shows what is pushed, and opens the footage of what is pressed. It keeps no
 * pages and answers no requests. Built into one file, as browsers differ in what a worker may import.
 */

import { noticeOf, pathIn } from './notice';

/** The path below which the recorder is: this file lies there. (`api/base.ts` would be a second file.) */
const base = (globalThis.location?.pathname ?? '/').replace(/\/[^/]*$/, '');
const API = `${base}/api/v1/push`;

interface Extendable extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Pushed extends Extendable {
  data: { text(): string } | null;
}
interface Pressed extends Extendable {
  notification: { data: unknown; close(): void };
}
interface Renewed extends Extendable {
  newSubscription?: PushSubscription | null;
}
interface Page {
  url: string;
  focus(): Promise<Page>;
  postMessage(message: unknown): void;
}
/** As much of a worker's world as is used; its types do not go together with those of a page. */
interface Worker {
  addEventListener(type: 'install' | 'activate', run: (event: Extendable) => void): void;
  addEventListener(type: 'push', run: (event: Pushed) => void): void;
  addEventListener(type: 'notificationclick', run: (event: Pressed) => void): void;
  addEventListener(type: 'pushsubscriptionchange', run: (event: Renewed) => void): void;
  skipWaiting(): Promise<void>;
  registration: { pushManager: PushManager; showNotification(title: string, options: object): Promise<void> };
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<Page[]>;
    openWindow(path: string): Promise<Page | null>;
  };
}
const worker = self as unknown as Worker;

worker.addEventListener('install', (event) => event.waitUntil(worker.skipWaiting()));

worker.addEventListener('push', (event) => {
  const { title, options } = noticeOf(event.data?.text() ?? '', Date.now());
  event.waitUntil(worker.registration.showNotification(title, options));
});

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open(pathIn(event.notification.data)));
});

worker.addEventListener('pushsubscriptionchange', (event) => event.waitUntil(renew(event)));

/** The push service has given the browser another address: the recorder is told of it. Where that fails, the next page does it. */
async function renew({ newSubscription }: Renewed): Promise<void> {
  const own = newSubscription ?? (await subscribe());
  const headers = { 'Content-Type': 'application/json' };
  await fetch(`${API}/subscriptions`, { method: 'POST', credentials: 'same-origin', headers, body: JSON.stringify(own) });
}

async function subscribe(): Promise<PushSubscription> {
  const answer = await fetch(`${API}/vapid`, { credentials: 'same-origin' });
  const { public_key: applicationServerKey } = (await answer.json()) as { public_key: string };
  return worker.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
}

/** One of these pages; what the API sent is shown in windows of the same origin. */
const isPage = ({ url }: Page): boolean => !new URL(url).pathname.startsWith(`${base}/api/`);

/** A page that is open goes there by itself, without being loaded anew. */
async function open(path: string): Promise<void> {
  const windows = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const page = windows.find(isPage);
  const focused = await page?.focus().catch(() => null);
  if (focused) focused.postMessage({ open: path });
  else await worker.clients.openWindow(base + path);
}
