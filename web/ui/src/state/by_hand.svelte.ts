import { alarms as api } from '../api/alarms';
import { wordsOf } from '../api/problem';
import type { Camera } from '../api/types';
import { t } from '../messages';
import { alarms } from './alarms.svelte';

export const recordsByHand = (camera: string): boolean =>
  alarms.going.some(({ kind, source }) => kind === 'manual' && source === `camera:${camera}`);

/** Recording one camera by hand, until told again. */
export class ByHand {
  busy = $state(false);
  problem = $state('');

  async press({ id }: Camera): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = '';
    try {
      const event = await (recordsByHand(id) ? api.endByHand(id) : api.recordByHand(id));
      if (event !== null) alarms.tell([event]);
    } catch (error) {
      this.problem = t.alarms.failed(wordsOf(error));
    }
    this.busy = false;
  }
}
