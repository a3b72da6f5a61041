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
/** Somebody signed out; gone when the recorder has heard of it, or somebody signs in: then a sign-out would end theirs. */
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
  /** The recorder is being told of a sign-out. */
  private telling: Promise<boolean> | null = null;
  /** It is told again and again. */
  private insisting = false;

  constructor() {
    onSignedOut(() => {
      // Several requests may hear it.
      if (this.status !== 'signed_out') this.end(this.status === 'signed_in', this.fading ? (this.user?.idle_minutes ?? null) : null);
    });
  }

  /** Asks until the recorder answers. */
  async resume(): Promise<void> {
    const left = localStorage.getItem(LEFT) !== null;
    if (left) void this.keepTelling();
    if (left || localStorage.getItem(HINT) === null) return this.end(false);
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
    // What is under way is waited for: its answer takes the browser's cookie away.
    await this.tellLeft();
    const left = localStorage.getItem(LEFT);
    // From here on a sign-out would be that of the new session.
    localStorage.removeItem(LEFT);
    try {
      this.begin(await api.signIn(credentials));
    } catch (problem) {
      if (left !== null) {
        localStorage.setItem(LEFT, left);
        void this.keepTelling();
      }
      throw problem;
    }
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
  private tellLeft(): Promise<boolean> {
    if (localStorage.getItem(LEFT) === null) {
      this.lingers = false;
      return Promise.resolve(true);
    }
    this.telling ??= api
      .signOut()
      .then(
        () => true,
        (problem: unknown) => problem instanceof Problem && problem.status !== 0,
      )
      .then((told) => {
        this.telling = null;
        this.lingers = !told;
        if (told) localStorage.removeItem(LEFT);
        return told;
      });
    return this.telling;
  }

  /** Until it answers, this browser could still ask for pictures. It ends with a sign-in here or in another window. */
  private async keepTelling(): Promise<void> {
    if (this.insisting) return;
    this.insisting = true;
    while (!(await this.tellLeft())) await new Promise((rest) => setTimeout(rest, 2_000));
    this.insisting = false;
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
    localStorage.removeItem(LEFT);
    unsaved.began(user.name);
    this.user = user;
    this.status = 'signed_in';
    this.expired = false;
    this.idle = null;
    this.restored = false;
    this.lingers = false;
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
