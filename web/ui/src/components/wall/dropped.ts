import { t } from '../../messages';
import { single } from '../../wall/panes';
import { wall } from '../../wall/wall.svelte';

/** A camera was let go over a window, over the list, or nowhere. */
export function dropped(cargo: { camera: string; name: string; from: number | null }, target: number | 'list' | null): void {
  if (target === null) return;
  // Windows may have moved meanwhile.
  const grabbed = cargo.from !== null && wall.windows[cargo.from]?.cameras.includes(cargo.camera) ? cargo.from : null;
  if (target === 'list') {
    if (grabbed === null) return;
    wall.put(grabbed, null);
    wall.news = t.wall.removed(cargo.name);
    return;
  }
  // A camera that is on this page already is moved, and gives its place to the one it takes the place of.
  const shown = wall.windows.findIndex((pane) => pane?.cameras.length === 1 && pane.cameras[0] === cargo.camera);
  const from = grabbed ?? (shown >= 0 ? shown : null);
  if (from === target) return;
  if (from === null) wall.put(target, single(cargo.camera));
  else wall.swap(from, target);
  wall.select(target);
  wall.news = t.wall.moved(cargo.name, target + 1);
}
