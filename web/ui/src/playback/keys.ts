/** The playback page's own keys: not while something is typed into, and a button keeps its space bar. */

export function onKeys(keys: Readonly<Record<string, () => void>>): (event: KeyboardEvent) => void {
  return (event) => {
    const run = keys[event.key];
    const { target } = event;
    if (!run || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !(target instanceof Element)) return;
    if (target.closest('input, select, textarea, dialog, [role="slider"]')) return;
    if (event.key === ' ' && target.closest('button, a')) return;
    event.preventDefault();
    run();
  };
}
