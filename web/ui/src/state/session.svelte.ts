import type { CameraRight, HouseRight, SessionBody } from '../api/accounts';
import { api, onSignedOut } from '../api/client';
import { Problem } from '../api/problem';
import { unsaved } from '../settings/unsaved';

type Status = 'unknown' | 'signed_in' | 'signed_out';

/**
 * The session's cookie is hidden from scripts: this remembers that there may be one, so that
 * whoever was never signed in here is not asked about.
 */
const HINT = 'vigie.signed_in';
/** Somebody signed out; gone when the recorder has heard of it. */
const LEFT = 'vigie.signed_out';

/** Who is signed in. */
class Session {
  status: Status = $state('unknown');
  user: SessionBody | null = $state(null);
  /** Sets things up; the recorder refuses everybody else. */
  readonly administers = $derived(this.may('configure'));
  /** It ended without being asked to. */
  expired = $state(false);
  /** It ended for want of input, after so many minutes. */
  idle: number | null = $state(null);
  /** It ended because accounts became those of a backup. */
  restored = $state(false);
  unreachable = $state(false);
  /** Somebody signed out here, which the recorder does not know yet. */
  lingers = $state(false);
  /** It is about to end for want of input. */
  fading = false;

  constructor() {
    onSignedOut(() => {
      // Several requests may hear it.
      if (this.status !== 'signed_out') this.end(this.status === 'signed_in', this.fading ? (this.user?.idle_minutes ?? null) : null);
    });
  }

  /** Asks until the recorder answers. */
  async resume(): Promise<void> {
    if (localStorage.getItem(LEFT) !== null) void this.keepTelling();
    if (localStorage.getItem(HINT) === null) return this.end(false);
    try {
      this.begin(await api.session());
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 401) return;
      this.unreachable = true;
      setTimeout(() => void this.resume(), 2_000);
    }
  }

  /** `code`: of the second factor, where the recorder asks for one. */
  async signIn(credentials: { name: string; password: string; code?: string; stay?: boolean }): Promise<void> {
    await this.tellLeft();
    this.begin(await api.signIn(credentials));
  }

  /** The first owner was made, and is signed in. */
  enter(user: SessionBody): void {
    this.begin(user);
  }

  /** What became of the account meanwhile. */
  async look(): Promise<void> {
    this.user = await api.session();
  }

  may(right: HouseRight): boolean {
    return this.user?.rights.house.includes(right) ?? false;
  }

  mayWith(camera: string, right: CameraRight): boolean {
    const rights = this.user?.rights;
    return (rights?.every_camera.includes(right) || rights?.cameras[camera]?.includes(right)) ?? false;
  }

  /** Whoever may act on alarms may record any camera by hand. */
  mayRecord(camera: string): boolean {
    return this.may('alarms') || this.mayWith(camera, 'record');
  }

  async signOut(): Promise<void> {
    // Signed out here whatever the recorder says: the person leaves.
    localStorage.setItem(LEFT, '1');
    const told = await this.tellLeft();
    this.end(false);
    if (!told) void this.keepTelling();
  }

  /** The session is over for the recorder too, or was before. False: it does not answer. */
  private async tellLeft(): Promise<boolean> {
    if (localStorage.getItem(LEFT) === null) return true;
    const told = await api.signOut().then(
      () => true,
      (problem: unknown) => problem instanceof Problem && problem.status !== 0,
    );
    this.lingers = !told;
    if (told) localStorage.removeItem(LEFT);
    return told;
  }

  /** Until it answers, this browser could still ask for pictures. */
  private async keepTelling(): Promise<void> {
    while (!(await this.tellLeft())) await new Promise((rest) => setTimeout(rest, 2_000));
  }

  /** Accounts are those of a backup now, in which this one is not, or is another. */
  replaced(): void {
    this.end(true);
    // Whoever has the same name then may be somebody else.
    unsaved.forget();
    this.restored = true;
  }

  private begin(user: SessionBody): void {
    localStorage.setItem(HINT, '1');
    unsaved.began(user.name);
    this.user = user;
    this.status = 'signed_in';
    this.expired = false;
    this.idle = null;
    this.restored = false;
    this.fading = false;
    this.unreachable = false;
  }

  private end(expired: boolean, idle: number | null = null): void {
    localStorage.removeItem(HINT);
    if (!expired) unsaved.forget();
    else if (this.user) unsaved.ended(this.user.name);
    this.user = null;
    this.status = 'signed_out';
    this.expired = expired;
    this.idle = idle;
    this.fading = false;
    this.unreachable = false;
  }
}

export const session = new Session();
