/** Looking into the supervision tree. */

import type { Actor } from '../api/system';

export function find(root: Actor | null, name: string): Actor | undefined {
  if (root === null || root.name === name) return root ?? undefined;
  for (const child of root.children) {
    const found = find(child, name);
    if (found) return found;
  }
  return undefined;
}

export const isTroubled = (one: Actor): boolean => one.restarts > 0 || one.last_error !== null || !['running', 'stopped'].includes(one.state);

/** Only what is troubled, with what leads to it. */
export function troubled(one: Actor): Actor | null {
  const children = one.children.flatMap((child) => troubled(child) ?? []);
  return isTroubled(one) || children.length > 0 ? { ...one, children } : null;
}

export function count(one: Actor, is: (actor: Actor) => boolean): number {
  return (is(one) ? 1 : 0) + one.children.reduce((sum, child) => sum + count(child, is), 0);
}
