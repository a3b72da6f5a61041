/** Presets as the recorder keeps them: one's own, and those that others share. */

import { layouts, type Kept } from '../api/layouts';
import { Problem } from '../api/problem';
import { session } from '../state/session.svelte';
import { idFor, json, parse, type Body, type TourBody, type WallBody } from './presets';

export interface Preset<B extends Body = Body> {
  id: string;
  name: string;
  body: B;
  shared: boolean;
  owner: string;
  revision: string;
}

/** `missing`: this recorder keeps none. */
type Status = 'unknown' | 'ready' | 'missing' | 'failed';

class Presets {
  status: Status = $state('unknown');
  private all: readonly Preset[] = $state.raw([]);
  readonly walls = $derived(this.all.filter((one): one is Preset<WallBody> => one.body.kind === 'wall'));
  readonly tours = $derived(this.all.filter((one): one is Preset<TourBody> => one.body.kind === 'tour'));

  find(id: string | null): Preset | undefined {
    return this.all.find((one) => one.id === id);
  }

  mayChange(preset: Preset): boolean {
    return preset.owner === session.user?.name || session.administers;
  }

  /** Those of whoever was signed in before. */
  forget(): void {
    this.all = [];
    this.status = 'unknown';
  }

  async load(): Promise<void> {
    try {
      const kept = await layouts.all();
      this.all = kept.flatMap((one) => {
        const body = parse(one.body);
        return body ? [presetOf(one, body)] : [];
      });
      this.status = 'ready';
    } catch (problem) {
      const missing = problem instanceof Problem && (problem.status === 404 || problem.status === 501);
      this.status = missing ? 'missing' : 'failed';
    }
  }

  /** Under a new name; the answer is its id. */
  async save(name: string, body: Body, shared: boolean): Promise<string> {
    const id = idFor(name, new Set(this.all.map((one) => one.id)));
    await layouts.write(id, { name, body: json(body), shared }, null);
    await this.load();
    return id;
  }

  async change(preset: Preset, change: Partial<Pick<Preset, 'name' | 'body' | 'shared'>>): Promise<void> {
    const { name, body, shared } = { ...preset, ...change };
    await layouts.write(preset.id, { name, body: json(body), shared }, preset.revision).finally(() => this.load());
  }

  async remove(preset: Preset): Promise<void> {
    await layouts.remove(preset.id, preset.revision).finally(() => this.load());
  }
}

const presetOf = ({ id, name, shared, owner, revision }: Kept, body: Body): Preset => ({ id, name, body, shared, owner, revision });

export const presets = new Presets();
