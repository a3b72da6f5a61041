/** A table of the configuration while somebody edits it: what was typed, what is wrong, and whether it is saved. */

import { config, type Changed, type Json, type Place, type Table } from '../api/config';
import type { Fault } from '../api/problem';
import { within } from './problem_path';
import { clone, differing, equal, getAt, rebase, setAt } from './values';

export class Draft {
  /** As the recorder has it. */
  base: Table = $state.raw({});
  values: Table = $state({});
  /** It is not in the file yet. */
  fresh = $state(false);
  faults: readonly Fault[] = $state.raw([]);
  readonly dirty = $derived(this.fresh || !equal(this.values, this.base));
  readonly changed = $derived(differing(this.base, this.values).length);

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

  discard(): void {
    this.values = clone(this.base);
    this.faults = [];
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
    this.faults = [];
    this.base = clone(this.values);
  }

  /** Fields that somebody else changed since this was opened. */
  theirs(there: Table | undefined): string[] {
    return differing(this.base, there ?? {});
  }

  /** Goes on from what somebody else saved; what was typed here stays. */
  takeUp(there: Table | undefined, revision: string): void {
    const typed = clone(this.values);
    this.values = rebase(this.base, typed, there ?? {});
    this.base = clone(there ?? {});
    this.fresh = there === undefined;
    this.revision = revision;
  }
}
