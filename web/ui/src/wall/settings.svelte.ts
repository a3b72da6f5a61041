/** Small habits of this browser on the wall. */

const REPLAY = 'vigie.replay_minutes';
const LIST = 'vigie.camera_list';
const SINGLE_KEYS = 'vigie.single_keys';

export const REPLAY_MINUTES = [0.5, 1, 2, 5, 10, 30] as const;

class Habits {
  private minutes = $state(Number(localStorage.getItem(REPLAY)) || 1);
  private list = $state(localStorage.getItem(LIST) === '1');
  private keys = $state(localStorage.getItem(SINGLE_KEYS) !== '0');

  /** How far back an instant replay begins. */
  get replayMinutes(): number {
    return this.minutes;
  }
  set replayMinutes(minutes: number) {
    this.minutes = minutes;
    localStorage.setItem(REPLAY, String(minutes));
  }

  /** The list of cameras stands beside the wall. */
  get cameraList(): boolean {
    return this.list;
  }
  set cameraList(open: boolean) {
    this.list = open;
    localStorage.setItem(LIST, open ? '1' : '0');
  }

  /** Single letters are heard on every page (WCAG 2.1.4: they can be switched off). */
  get singleKeys(): boolean {
    return this.keys;
  }
  set singleKeys(on: boolean) {
    this.keys = on;
    localStorage.setItem(SINGLE_KEYS, on ? '1' : '0');
  }
}

export const habits = new Habits();
