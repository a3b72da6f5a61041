/** Which cameras were played last in this browser. */

const KEY = 'vigie.playback.cameras';

/** null: nobody played here yet. */
export function remembered(): string[] | null {
  const text = localStorage.getItem(KEY);
  return text === null ? null : text.split(',').filter(Boolean);
}

export function remember(cameras: readonly string[]): void {
  localStorage.setItem(KEY, cameras.join(','));
}
