/**
 * The service worker: shows what is pushed, and opens the footage of what is pressed. It keeps no
 * pages and answers no requests. Built into one file, as browsers differ in what a worker may import.
 */

import { noticeOf, pathIn } from './notice';

interface Extendable extends Event {
  waitUntil(done: Promise<unknown>): void;
}
interface Pushed extends Extendable {
  data: { text(): string } | null;
}
interface Pressed extends Extendable {
  notification: { data: unknown; close(): void };
}
interface Page {
  focus(): Promise<Page>;
  postMessage(message: unknown): void;
}
/** As much of a worker's world as is used; its types do not go together with those of a page. */
interface Worker {
  addEventListener(type: 'install' | 'activate', run: (event: Extendable) => void): void;
  addEventListener(type: 'push', run: (event: Pushed) => void): void;
  addEventListener(type: 'notificationclick', run: (event: Pressed) => void): void;
  skipWaiting(): Promise<void>;
  registration: { showNotification(title: string, options: object): Promise<void> };
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

/** A page that is open goes there by itself, without being loaded anew. */
async function open(path: string): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const focused = await page?.focus().catch(() => null);
  if (focused) focused.postMessage({ open: path });
  else await worker.clients.openWindow(path);
}
