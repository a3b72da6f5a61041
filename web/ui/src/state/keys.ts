/**
 * Keys of a whole page: not while something is typed into, a button keeps its space bar, a slider
 * its arrows. Single letters and signs can be switched off (WCAG 2.1.4).
 */

export type Keys = Readonly<Record<string, () => void>>;

/** A letter, digit or sign, which somebody may press, or say, by accident. */
const isSingle = (key: string): boolean => key.length === 1 && key !== ' ';

/** `first` has the key before the page, and says whether it took it. */
export function onKeys(keys: Keys, single: () => boolean, first: (key: string) => boolean = () => false): (event: KeyboardEvent) => void {
  return (event) => {
    const { key, target } = event;
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (target.closest('input, select, textarea, dialog, [contenteditable]')) return;
    if (isSingle(key) ? !single() : target.closest('[role="slider"]')) return;
    if (key === ' ' && target.closest('button, a')) return;
    if (!first(key)) {
      const run = keys[key];
      if (!run) return;
      run();
    }
    event.preventDefault();
  };
}
