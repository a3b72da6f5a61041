/** The zone that times are told in: the recorder's where it names one that the browser knows, else the browser's. */

import { differ, known, Zone } from '../playback/zone';

/** The zone of whoever looks at the page. */
export const here: string = Intl.DateTimeFormat().resolvedOptions().timeZone;

class Site {
  /** `undefined`: the browser's own. */
  name: string | undefined = $state();
  readonly zone = $derived(new Zone(this.name));
  /** What is told beside a clock that is not the reader's; `null`: it is the same. */
  readonly named = $derived(this.name !== undefined && differ(this.zone, new Zone(), Date.now()) ? this.name : null);

  set(name: string | null | undefined): void {
    this.name = known(name ?? undefined);
  }
}

export const site = new Site();
