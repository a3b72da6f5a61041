import { expect, test } from 'vitest';
import { at, baseOf, within } from './base';

test('where the recorder is', () => {
  expect(baseOf('http://recorder:8080/')).toBe('');
  expect(baseOf('https://example.org/vigie/')).toBe('/vigie');
  expect(baseOf('https://example.org/cams/vigie/')).toBe('/cams/vigie');
});

test('paths go there and back', () => {
  for (const below of ['', '/vigie']) {
    for (const path of ['/', '/events', '/cameras/gate']) expect(within(at(path, below), below)).toBe(path);
  }
  expect(at('/events', '/vigie')).toBe('/vigie/events');
  expect(within('/vigie', '/vigie')).toBe('/');
  expect(within('/vigiex', '/vigie')).toBe('/vigiex');
});
