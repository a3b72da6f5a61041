import { expect, test } from 'vitest';
import { DURATIONS, parse, SIZES, write } from './quantity';

test('read and written as the configuration does', () => {
  for (const text of ['500ms', '5s', '10m', '12h', '30d', '0s']) {
    const read = parse(text, DURATIONS);
    expect(read && write(read, DURATIONS)).toBe(text);
  }
  for (const text of ['500 MB', '5 GiB', '2 TiB']) {
    const read = parse(text, SIZES);
    expect(read && write(read, SIZES)).toBe(text);
  }
  expect(parse('5GiB', SIZES)).toEqual({ amount: 5, unit: 'GiB' });
});

test('what is none of these is left as it is', () => {
  for (const text of ['', '5', 's', '1.5h', '${TIME}', '5 weeks']) expect(parse(text, DURATIONS)).toBeNull();
});
