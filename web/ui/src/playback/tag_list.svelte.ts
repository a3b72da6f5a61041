/** The tags of the recorder, as this page knows them. */

import { Problem, wordsOf } from '../api/problem';
import { tags as api, type Tag } from '../api/tags';
import { withoutTag, withTag } from './tags';

export class TagList {
  /** `null` before the first answer. */
  tags: readonly Tag[] | null = $state.raw(null);
  problem = $state('');
  /** This recorder is older than tags. */
  absent = $state(false);

  async load(): Promise<void> {
    try {
      this.tags = await api.list();
      this.problem = '';
    } catch (error) {
      if (error instanceof Problem && error.status === 404) this.absent = true;
      else this.problem = wordsOf(error);
    }
  }

  async add(camera: string | null, at: number, text: string): Promise<void> {
    this.tags = withTag(this.tags ?? [], await api.add(camera, at, text));
  }

  async rename(id: string, text: string): Promise<void> {
    await api.rename(id, text);
    const tag = this.tags?.find((one) => one.id === id);
    if (tag) this.tags = withTag(this.tags ?? [], { ...tag, text });
  }

  async remove(id: string): Promise<void> {
    await api.remove(id);
    this.tags = withoutTag(this.tags ?? [], id);
  }
}
