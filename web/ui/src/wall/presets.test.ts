import { expect, test } from 'vitest';
import { single } from './panes';
import { idFor, json, parse, type WallBody } from './presets';

const wall: WallBody = {
  kind: 'wall',
  count: 6,
  panes: [single('gate'), null, { cameras: ['dock', 'yard'], dwellS: 20, wish: 'main' }],
  wish: 'sub',
  follow: false,
};

test('what is kept comes back', () => {
  const through = (body: Parameters<typeof json>[0]): unknown => parse(JSON.parse(JSON.stringify(json(body))));
  expect(through(wall)).toEqual(wall);
  const tour = { kind: 'tour', stops: ['day', 'night'], dwellS: 15 } as const;
  expect(through(tour)).toEqual(tour);
  expect(through({ ...wall, follow: true })).toMatchObject({ follow: true, panes: [] });
});

test('anything else is nothing, or what of it can be shown', () => {
  for (const foreign of [null, 5, 'wall', [], {}, { kind: 'wall' }, { kind: 'wall', windows_shown: 7 }, { kind: 'grid' }]) {
    expect(parse(foreign)).toBeNull();
  }
  expect(parse({ kind: 'wall', windows_shown: 4, stream: 9, windows: ['a', 3, { cameras: [] }, { cameras: ['b', 'b', 7], dwell_s: 1e9 }] })).toEqual({
    kind: 'wall',
    count: 4,
    wish: 'auto',
    follow: false,
    panes: [single('a'), null, null, { cameras: ['b'], dwellS: 3_600, wish: 'auto' }],
  });
});

test('256 windows fit into 16 KiB', () => {
  const panes = Array.from({ length: 256 }, (_, i) => single(`a-rather-long-name-of-a-camera-${i}`));
  expect(JSON.stringify(json({ ...wall, panes })).length).toBeLessThan(16 << 10);
});

test('ids are plain, short and new', () => {
  expect(idFor('Entrée & Hof', new Set())).toBe('entree-hof');
  expect(idFor('夜', new Set(['wall']))).toBe('wall-2');
  const long = idFor('x'.repeat(90), new Set(['x'.repeat(34)]));
  expect(long).toMatch(/^[a-z0-9_-]{1,40}$/);
});
