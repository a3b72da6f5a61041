import { at } from '../api/base';
import { push as api } from '../api/push';
import { Problem, wordsOf } from '../api/problem';
import { t } from '../messages';
import { pageOf, route } from './route.svelte';
import { session } from './session.svelte';

const WORKER = at('/sw.js');

/** Why this browser cannot be told; empty: it can. */
function obstacle(): string {
  if (!window.isSecureContext) return t.push.insecure;
  if (!('serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window)) return t.push.unsupported;
  return Notification.permission === 'denied' ? t.push.denied : '';
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

const same = (a: ArrayBuffer | null, b: Uint8Array): boolean => a !== null && new Uint8Array(a).join() === b.join();

/** A subscription of this browser's. */
interface Known {
  /** At the recorder. */
  id: string;
  /** At the push service. */
  endpoint: string;
}

function remembered(text: string | null): Known | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    return typeof value === 'object' && value !== null && 'id' in value && 'endpoint' in value ? (value as Known) : null;
  } catch {
    return null;
  }
}

/** What the recorder knows no more has ended as it was asked to. */
function unlessGone(problem: unknown): void {
  if (!(problem instanceof Problem && problem.status === 404)) throw problem;
}

/** Whether the recorder tells this browser of events, also while no page is open. */
class BrowserPush {
  on = $state(false);
  busy = $state(false);
  /** Why it cannot be, was not, or is of no use yet. */
  note = $state('');
  /** At the recorder. */
  private id: string | null = null;

  /** Pages that are open go where a pressed message leads. */
  start(): () => void {
    if (!('serviceWorker' in navigator)) return () => {};
    const heard = ({ data }: MessageEvent<unknown>): void => {
      const path = typeof data === 'object' && data !== null && 'open' in data ? data.open : null;
      if (typeof path !== 'string') return;
      const { origin, pathname, search } = new URL(path, location.origin);
      if (origin === location.origin) route.go(pageOf(pathname, search));
    };
    navigator.serviceWorker.addEventListener('message', heard);
    return () => navigator.serviceWorker.removeEventListener('message', heard);
  }

  /** How it stands: both the browser and the recorder must know of it. What a push service renewed or dropped meanwhile is told anew. */
  async look(): Promise<void> {
    if (obstacle() !== '') return;
    const before = remembered(localStorage.getItem(this.key));
    if (before === null) return this.know(null);
    const registration = await navigator.serviceWorker.getRegistration(at('/'));
    const own = await registration?.pushManager.getSubscription();
    if (own?.endpoint !== before.endpoint) {
      // Without the permission nothing more is to be told.
      if (!registration || Notification.permission !== 'granted') return this.know(null);
      const { id, endpoint } = await this.subscribe(registration.pushManager);
      if (id !== before.id) await api.end(before.id).catch(unlessGone);
      return this.know({ id, endpoint });
    }
    const user = session.user?.name;
    const known = (await api.subscriptions()).some(({ id, user: of }) => of === user && id === before.id);
    this.know(known ? before : null);
  }

  private async subscribe(pushManager: PushManager): Promise<Known> {
    const key = bytesOf(await api.key());
    const before = await pushManager.getSubscription();
    // One of another recorder key can be told nothing.
    if (before && !same(before.options.applicationServerKey, key)) await before.unsubscribe();
    const own = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch((cause: unknown) => {
      // Browsers call it an abortion when their push service cannot be reached.
      throw cause instanceof DOMException && cause.name === 'AbortError' ? new Problem(0, 'push_service', cause.message) : cause;
    });
    return { id: (await api.subscribe(own.toJSON())).id, endpoint: own.endpoint };
  }

  async tell(): Promise<void> {
    this.note = obstacle();
    if (this.note !== '') return;
    await this.attempt(async () => {
      // Asked for first: browsers want it to follow the press directly.
      if ((await Notification.requestPermission()) !== 'granted') return void (this.note = t.push.denied);
      await navigator.serviceWorker.register(WORKER);
      this.know(await this.subscribe((await navigator.serviceWorker.ready).pushManager));
      if (session.administers && !(await api.isConfigured())) this.note = t.push.nobodyPushes;
    });
  }

  async end(): Promise<void> {
    await this.attempt(async () => {
      const { id } = this;
      if (id !== null) await api.end(id).catch(unlessGone);
      const registration = await navigator.serviceWorker.getRegistration(at('/'));
      await (await registration?.pushManager.getSubscription())?.unsubscribe();
      this.know(null);
    });
  }

  private async attempt(what: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.note = '';
    try {
      await what();
    } catch (problem) {
      this.note = t.push.failed(wordsOf(problem));
    }
    this.busy = false;
  }

  private get key(): string {
    return `vigie.push.${session.user?.name ?? ''}`;
  }

  private know(known: Known | null): void {
    this.id = known?.id ?? null;
    this.on = known !== null;
    if (known === null) localStorage.removeItem(this.key);
    else localStorage.setItem(this.key, JSON.stringify(known));
  }
}

export const browserPush = new BrowserPush();
