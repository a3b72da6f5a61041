/**
 * Signing out of who gives no input. The recorder counts, as a page's own questions are none: it is
 * told of input once in a while, and asked how long is left, since other windows tell it too.
 */

import { untrack } from 'svelte';
import { accounts, type SessionBody } from '../api/accounts';
import { api } from '../api/client';
import { session } from './session.svelte';

const INPUT = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;
const WARN_S = 60;
/** Whether sessions end by themselves may be changed while a page is open. */
const LOOK_AGAIN_MS = 60_000;

/** How often input is told, and how long before the end it is warned of; of a short time each a part. */
export const pace = (idleS: number): { tellMs: number; warnS: number } => ({
  tellMs: Math.min(30_000, (idleS * 1000) / 10),
  warnS: Math.min(WARN_S, idleS / 2),
});

class Idle {
  /** Seconds until the end, while it is warned of. */
  left: number | null = $state(null);
  private endsAt = 0;
  private toldAt = 0;
  private askedAt = 0;
  private asking = false;

  /** For an effect: what it gives back ends it. */
  watch(): () => void {
    this.heard(untrack(() => session.user?.idle_left_s));
    this.toldAt = 0;
    this.askedAt = performance.now();
    const given = (): void => void this.input();
    INPUT.forEach((kind) => document.addEventListener(kind, given, { passive: true, capture: true }));
    const timer = setInterval(() => void this.look(), 1000);
    return () => {
      INPUT.forEach((kind) => document.removeEventListener(kind, given, { capture: true }));
      clearInterval(timer);
      this.left = null;
    };
  }

  /** Somebody is there. */
  async input(): Promise<void> {
    const now = performance.now();
    if (this.endsAt === Number.POSITIVE_INFINITY) return;
    if (now - this.toldAt < this.pace.tellMs && this.left === null) return;
    if (this.asking) return;
    this.toldAt = now;
    await this.ask(() => accounts.input());
  }

  private async look(): Promise<void> {
    const left = Math.ceil((this.endsAt - performance.now()) / 1000);
    if (this.endsAt === Number.POSITIVE_INFINITY && performance.now() - this.askedAt < LOOK_AGAIN_MS) return;
    if (this.endsAt === Number.POSITIVE_INFINITY) return void (await this.ask(() => api.session()));
    // Another window may have told of input.
    if (left <= this.pace.warnS && this.left === null) return void (await this.ask(() => api.session()));
    if (this.left === null) return;
    this.left = Math.max(0, left);
    if (left < 0) await this.ask(() => api.session());
  }

  private get pace(): { tellMs: number; warnS: number } {
    return pace((session.user?.idle_minutes ?? 30) * 60);
  }

  private async ask(question: () => Promise<SessionBody>): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    this.askedAt = performance.now();
    // No answer: asked again with the next look. Where the session has ended, that is heard elsewhere.
    const answer = await question().catch(() => null);
    this.asking = false;
    if (answer === null || session.user === null) return;
    if (answer.idle_minutes !== session.user.idle_minutes) session.user = { ...session.user, idle_minutes: answer.idle_minutes ?? null };
    this.heard(answer.idle_left_s);
  }

  private heard(leftS: number | null | undefined): void {
    this.endsAt = leftS == null ? Number.POSITIVE_INFINITY : performance.now() + leftS * 1000;
    const soon = leftS != null && leftS <= this.pace.warnS;
    this.left = soon ? Math.ceil(leftS) : null;
    session.fading = soon;
  }
}

export const idle = new Idle();
