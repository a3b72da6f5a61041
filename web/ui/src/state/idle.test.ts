import { expect, test } from 'vitest';
import { pace } from './idle.svelte';

test('input is told often enough, and the end is warned of in time', () => {
  expect(pace(30 * 60)).toEqual({ tellMs: 30_000, warnS: 60 });
  expect(pace(60)).toEqual({ tellMs: 6_000, warnS: 30 });
  for (const seconds of [10, 15, 60, 600, 86_400]) {
    const { tellMs, warnS } = pace(seconds);
    expect(tellMs / 1000 + warnS).toBeLessThan(seconds);
  }
});
