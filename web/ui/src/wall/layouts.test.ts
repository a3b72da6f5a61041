import { expect, test } from 'vitest';
import { COUNTS, fitting, layoutOf, neighbour, type Direction } from './layouts';

test.each(COUNTS)('%i windows cover the wall, each cell once', (count) => {
  const { places, cells } = layoutOf(count);
  expect(places).toHaveLength(count);
  const seen = new Set<string>();
  for (const { x, y, size } of places) {
    for (let dx = 0; dx < size; dx += 1) for (let dy = 0; dy < size; dy += 1) seen.add(`${x + dx} ${y + dy}`);
    expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
    expect(Math.max(x, y) + size).toBeLessThanOrEqual(cells);
  }
  expect(seen.size).toBe(cells * cells);
  expect(places.reduce((sum, { size }) => sum + size * size, 0)).toBe(cells * cells);
});

test('the first window is the largest', () => {
  for (const count of COUNTS) {
    const sizes = layoutOf(count).places.map(({ size }) => size);
    expect(sizes[0]).toBe(Math.max(...sizes));
  }
});

test('the smallest that shows them all', () => {
  expect([0, 1, 2, 4, 5, 7, 10, 17, 33, 90].map(fitting)).toEqual([1, 1, 4, 4, 6, 8, 13, 25, 36, 36]);
});

test('from each window every other is reached by arrow keys', () => {
  for (const count of COUNTS) {
    const layout = layoutOf(count);
    const reached = new Set([0]);
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const direction of ['left', 'right', 'up', 'down'] as Direction[]) {
        const next = neighbour(layout, at, direction);
        if (next === null || reached.has(next)) continue;
        reached.add(next);
        open.push(next);
      }
    }
    expect(reached.size).toBe(count);
  }
});

test('the neighbour is the one beside it', () => {
  const nine = layoutOf(9);
  expect(neighbour(nine, 4, 'left')).toBe(3);
  expect(neighbour(nine, 4, 'down')).toBe(7);
  expect(neighbour(nine, 2, 'right')).toBeNull();
  const six = layoutOf(6);
  // 0 is the large one; 1 and 2 stand to its right, 3 4 5 below.
  expect(neighbour(six, 0, 'right')).toBe(1);
  expect(neighbour(six, 2, 'left')).toBe(0);
  expect(neighbour(six, 5, 'up')).toBe(2);
  expect(neighbour(six, 0, 'down')).toBe(3);
});
