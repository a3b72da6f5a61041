import type { Names } from '../events/words';
import { devices } from './devices.svelte';
import { recorder } from './recorder.svelte';

/** What people call cameras, inputs and outputs. */
export const names: Names = {
  get cameras() {
    return recorder.cameras ?? [];
  },
  get inputs() {
    return devices.inputs;
  },
  get outputs() {
    return devices.outputs;
  },
};
