import { alarms as api, type Buzzer, type Input, type Output } from '../api/alarms';

const POLL_MS = 3_000;

/** Alarm inputs and outputs and the buzzer as they are now, asked for while the page is seen. */
class Devices {
  inputs: readonly Input[] = $state.raw([]);
  outputs: readonly Output[] = $state.raw([]);
  /** `null`: not known, or there is none. */
  buzzer: Buzzer | null = $state.raw(null);
  /** The recorder was asked. */
  ready = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private running = false;
  /** Counts what was switched here: an answer that was asked for before is old. */
  private turns = 0;

  start(): () => void {
    this.running = true;
    const seen = (): void => {
      if (!document.hidden) void this.poll();
    };
    document.addEventListener('visibilitychange', seen);
    void this.poll();
    return () => {
      this.running = false;
      clearTimeout(this.timer);
      document.removeEventListener('visibilitychange', seen);
      this.inputs = [];
      this.outputs = [];
      this.buzzer = null;
      this.ready = false;
    };
  }

  /** As the recorder answered whoever switched it. */
  put(output: Output): void {
    this.turns += 1;
    this.outputs = this.outputs.map((one) => (one.id === output.id ? output : one));
  }

  putInput(input: Input): void {
    this.turns += 1;
    this.inputs = this.inputs.map((one) => (one.id === input.id ? input : one));
  }

  async silence(): Promise<void> {
    await api.silence();
    this.turns += 1;
    if (this.buzzer !== null) this.buzzer = { ...this.buzzer, wanted: false, sounding: false };
  }

  async poll(): Promise<void> {
    clearTimeout(this.timer);
    const turn = this.turns;
    try {
      const [inputs, outputs, buzzer] = await Promise.all([api.inputs(), api.outputs(), api.buzzer()]);
      if (!this.running) return;
      if (turn === this.turns) {
        this.inputs = inputs;
        this.outputs = outputs;
        this.buzzer = buzzer.kind === null ? null : buzzer;
      }
    } catch {
      // What was known stays; whether the recorder answers is told elsewhere.
    }
    this.ready = this.running;
    clearTimeout(this.timer);
    if (this.running && !document.hidden) this.timer = setTimeout(() => void this.poll(), POLL_MS);
  }
}

export const devices = new Devices();
