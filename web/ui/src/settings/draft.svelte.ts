/** A table of the configuration while somebody edits it: what was typed, what is wrong, and whether it is saved. */

import { config, type Changed, type Json, type Place, type Table } from '../api/config';
import type { Fault } from '../api/problem';
import { within } from './problem_path';
import type { Typed } from './unsaved';
import { clone, differing, equal, getAt, homeless, rebase, setAt } from './values';

/** A password within an address. */
const CREDENTIALS = /:\/\/[^/\s"@]*:[^/\s"]*@/;

/** What the recorder shows of a secret. */
const HIDDEN = '***';

export class Draft {
  /** As the recorder has it. */
  base: Table = $state.raw({});
  values: Table = $state({});
  /** It is not in the file yet. */
  fresh = $state(false);
  /** It was in the file, and somebody else removed it. */
  gone = $state(false);
  /** Typed for entries that somebody else removed: no place for it any more. */
  lost: readonly { path: string; value: Json | undefined }[] = $state.raw([]);
  /** It was typed before the session ended. */
  resumed = $state(false);
  /** Secrets are missing that were here before. */
  retype = $state(false);
  faults: readonly Fault[] = $state.raw([]);
  readonly dirty = $derived(this.fresh || !equal(this.values, this.base));
  readonly changed = $derived(differing(this.base, this.values).length);
  private readonly secrets = new Set<string>();

  /** `place` null: every table of the configuration at once. */
  constructor(
    readonly place: Place | null,
    there: Table | undefined,
    private revision: string,
    initial?: Table,
  ) {
    this.fresh = there === undefined;
    this.base = clone(there ?? {});
    this.values = clone(initial ?? this.base);
  }

  get(path: string): Json | undefined {
    return getAt(this.values, path);
  }

  text(path: string): string {
    const value = this.get(path);
    return value === undefined || value === null ? '' : String(value);
  }

  /** `undefined`, or nothing typed: the recorder's own choice holds. */
  set(path: string, value: Json | undefined): void {
    setAt(this.values, path, value === '' ? undefined : value);
    const about = (fault: Fault): boolean => within(this.place, fault)?.startsWith(path) ?? false;
    if (this.faults.some(about)) this.faults = this.faults.filter((fault) => !about(fault));
  }

  /** What is kept nowhere but here. */
  setSecret(path: string, value: Json | undefined): void {
    this.secrets.add(path);
    this.set(path, value);
  }

  discard(): void {
    this.values = clone(this.base);
    this.settled();
  }

  run(tryOnly: boolean): Promise<Changed> {
    const values = clone(this.values);
    return this.place === null
      ? config.putAll(values, this.revision, tryOnly)
      : config.put(this.place, values, this.revision, tryOnly);
  }

  saved(revision: string): void {
    this.revision = revision;
    this.fresh = false;
    this.gone = false;
    this.base = clone(this.values);
    this.settled();
  }

  /** Goes on from what somebody else saved; what was typed here stays. */
  takeUp(there: Table | undefined, revision: string): void {
    this.base = this.lay({ base: this.base, values: clone(this.values), fresh: this.fresh && !this.gone }, there);
    this.revision = revision;
  }

  /** What is not saved, to go on with it later; `null`: nothing. */
  typed(): Typed | null {
    if (!this.dirty) return null;
    const values = clone(this.values);
    const secret = differing(this.base, values).filter(
      (path) => [...this.secrets].some((one) => path === one || path.startsWith(`${one}.`)) || CREDENTIALS.test(JSON.stringify(getAt(values, path)) ?? ''),
    );
    for (const path of secret) setAt(values, path, clone(getAt(this.base, path)));
    const fresh = this.fresh && !this.gone;
    if (!this.fresh && equal(values, this.base)) return null;
    return { base: clone(this.base), values, fresh, withheld: secret.length > 0 };
  }

  /** Goes on with what was typed before, laid over what is there now as after somebody else's change. */
  resume(typed: Typed): void {
    this.lay(typed, this.fresh ? undefined : this.base);
    this.resumed = true;
    this.retype ||= typed.withheld;
  }

  private lay({ base, values, fresh }: Pick<Typed, 'base' | 'values' | 'fresh'>, there: Table | undefined): Table {
    this.fresh = there === undefined;
    this.gone = there === undefined && !fresh;
    this.lost = there === undefined ? [] : homeless(base, values, there).map((path) => ({ path, value: getAt(values, path) }));
    this.values = there === undefined ? clone(values) : rebase(base, values, there);
    if (this.gone) this.forgetHidden();
    return clone(there ?? {});
  }

  /** What is made anew has all that it had, but the secrets went with it. */
  private forgetHidden(): void {
    for (const path of differing({}, this.values)) {
      if (getAt(this.values, path) !== HIDDEN) continue;
      setAt(this.values, path, undefined);
      this.retype = true;
    }
  }

  private settled(): void {
    this.faults = [];
    this.lost = [];
    this.resumed = false;
    this.retype = false;
  }
}
