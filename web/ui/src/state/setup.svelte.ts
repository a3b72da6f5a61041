import { accounts } from '../api/accounts';

/** Whether this recorder waits for its first owner. */
class Setup {
  /** `null`: not known, or the recorder is older and has none. */
  needed: boolean | null = $state(null);

  async look(): Promise<void> {
    this.needed = await accounts.setupNeeded().catch(() => null);
  }
}

export const setup = new Setup();
