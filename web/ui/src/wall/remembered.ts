/** The wall of each person in this browser's memory. */

const key = (owner: string | null): string => `vigie.wall.${owner ?? ''}`;

export type Remembered = Record<string, unknown>;

export function read(owner: string | null): Remembered | null {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key(owner)) ?? 'null');
    return typeof value === 'object' && value !== null ? (value as Remembered) : null;
  } catch {
    return null;
  }
}

export const write = (owner: string | null, wall: Remembered): void => localStorage.setItem(key(owner), JSON.stringify(wall));
