import { expect, test } from 'vitest';
import { may, NO_RIGHTS, setCamera, setEvery, setHouse } from './rights';

test('given and taken, each once and in order', () => {
  const given = setEvery(setEvery(setHouse(NO_RIGHTS, 'users', true), 'playback', true), 'live', true);
  expect(given).toEqual({ house: ['users'], every_camera: ['live', 'playback'], cameras: {} });
  expect(setHouse(given, 'users', false).house).toEqual([]);
});

test('a right for every camera need not be given for one', () => {
  const one = setCamera(NO_RIGHTS, 'gate', 'live', true);
  expect(may(one, 'gate', 'live')).toBe(true);
  expect(may(one, 'yard', 'live')).toBe(false);
  const every = setEvery(one, 'live', true);
  expect(every.cameras).toEqual({});
  expect(may(every, 'yard', 'live')).toBe(true);
});
