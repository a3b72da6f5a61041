/**
 * What was typed and not saved when a session ended without being asked to. It stays in memory until
 * the same person has signed in again on this page; nobody else sees it, and no disk, and no secret is in it.
 */

import type { ListName, Place, Table } from '../api/config';
import { forgetBegun } from './starting';

export interface Typed {
  /** What it was typed over. */
  base: Table;
  values: Table;
  /** It was in no file yet. */
  fresh: boolean;
  /** Secrets were typed too, which are not kept. */
  withheld: boolean;
}

/** A form's contents; `place` null: every table at once. */
interface Form {
  readonly place: Place | null;
  typed(): Typed | null;
}

const keyOf = (place: Place | null): string => (place === null ? '' : `${place.table}/${place.id ?? ''}`);

class Unsaved {
  private readonly open = new Set<Form>();
  private readonly kept = new Map<string, Typed>();
  private whose: string | null = null;

  /** While a form is shown; what it gives back ends that. */
  watch(form: Form): () => void {
    this.open.add(form);
    return () => this.open.delete(form);
  }

  /** The session of `user` ended by itself. */
  ended(user: string): void {
    if (user !== this.whose) this.forget();
    this.whose = user;
    for (const form of this.open) {
      const typed = form.typed();
      if (typed !== null) this.kept.set(keyOf(form.place), typed);
    }
  }

  /** Somebody signed in. */
  began(user: string): void {
    if (user !== this.whose) this.forget();
  }

  forget(): void {
    this.whose = null;
    this.kept.clear();
    forgetBegun();
  }

  /** Once: whoever takes it goes on with it. */
  take(place: Place | null): Typed | undefined {
    const typed = this.kept.get(keyOf(place));
    this.kept.delete(keyOf(place));
    return typed;
  }

  /** An entry that somebody was adding to a list. */
  takeNew(table: ListName): { id: string; typed: Typed } | undefined {
    for (const [key, typed] of this.kept) {
      const id = key.slice(table.length + 1);
      if (!typed.fresh || key !== keyOf({ table, id })) continue;
      this.kept.delete(key);
      return { id, typed };
    }
    return undefined;
  }
}

export const unsaved = new Unsaved();
