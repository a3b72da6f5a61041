import { expect, test } from 'vitest';
import { mediaTime, resolved, wallClock } from './clip';

const from = Date.parse('2026-11-20T10:00:00Z');
const asked = { url: '/api/v1/cameras/gate/video.mp4?stream=main&from=a&to=b', from, to: from + 60_000 };

test('media time runs with the wall clock', () => {
  expect(wallClock(asked, 12.5)).toBe(from + 12_500);
  expect(wallClock(asked, 61)).toBe(asked.to);
  expect(mediaTime(asked, from + 12_500)).toBe(12.5);
  expect(mediaTime(asked, asked.to)).toBeNull();
  expect(mediaTime(asked, from - 1)).toBeNull();
});

test('the recorder says which times it gives', () => {
  const location = '/api/v1/cameras/gate/video.mp4?stream=main&from=2026-11-20T10:00:01.5Z&to=2026-11-20T10:00:30Z';
  expect(resolved(location, asked)).toEqual({
    url: '/api/v1/cameras/gate/video.mp4?stream=main&from=2026-11-20T10:00:01.5Z&to=2026-11-20T10:00:30Z',
    from: from + 1_500,
    to: from + 30_000,
  });
});

test('what it does not say, or says wrongly, leaves what was asked', () => {
  expect(resolved(null, asked)).toBe(asked);
  expect(resolved('?from=nonsense', asked)).toBe(asked);
  expect(resolved('http://[bad', asked)).toBe(asked);
});
