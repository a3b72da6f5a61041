/** The tags of the recorder, as this page knows them. */

import { tags as api, type Tag } from '../api/tags';
import { Asked } from '../state/asked.svelte';
import { withoutTag, withTag } from './tags';

export class TagList {
  private readonly list = new Asked<readonly Tag[]>(() => api.list());

  /** `null` before the first answer. */
  get tags(): readonly Tag[] | null {
    return this.list.value;
  }

  get problem() {
    return this.list.problem;
  }

  /** This recorder is older than tags. */
  get absent(): boolean {
    return this.list.problem?.status === 404;
  }

  /** For an effect. */
  watch(): () => void {
    return this.list.watch();
  }

  async add(camera: string | null, at: number, text: string): Promise<void> {
    const tag = await api.add(camera, at, text);
    this.change((tags) => withTag(tags, tag));
  }

  async rename(id: string, text: string): Promise<void> {
    await api.rename(id, text);
    this.change((tags) => {
      const tag = tags.find((one) => one.id === id);
      return tag ? withTag(tags, { ...tag, text }) : tags;
    });
  }

  async remove(id: string): Promise<void> {
    await api.remove(id);
    this.change((tags) => withoutTag(tags, id));
  }

  /** Of a list that is not known yet, one tag is not all there is. */
  private change(run: (tags: readonly Tag[]) => readonly Tag[]): void {
    if (this.tags === null) void this.list.load();
    else this.list.put(run(this.tags));
  }
}
