import { expect, test } from 'vitest';
import { automatic, keysOf, mixOf, planOf } from './recording';

test('what a table amounts to', () => {
  expect(planOf(undefined)).toEqual({ continuous: 'always', motion: 'off', sensor: 'off', analytics: 'off' });
  expect(planOf({ mode: 'events' })).toEqual({ continuous: 'off', motion: 'always', sensor: 'always', analytics: 'always' });
  expect(planOf({ mode: 'schedule', continuous: 'office', motion: 'nights' })).toEqual({ continuous: 'office', motion: 'nights', sensor: 'off', analytics: 'off' });
  expect(planOf({ mode: 'off' }).continuous).toBe('off');
});

test('written without mode, and it amounts to the same', () => {
  for (const plan of [automatic([]), automatic(['motion']), automatic(['continuous', 'sensor']), planOf({ mode: 'schedule', continuous: 'office' })]) {
    const keys = Object.fromEntries(Object.entries(keysOf(plan)).filter(([, value]) => value !== undefined)) as Record<string, string>;
    expect(planOf(keys)).toEqual(plan);
  }
});

test('an automatic mode is a mix; schedules are none', () => {
  expect(mixOf(automatic(['continuous', 'motion']))).toEqual(['continuous', 'motion']);
  expect(mixOf(planOf({ motion: 'nights' }))).toBeNull();
});
