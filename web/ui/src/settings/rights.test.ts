import { expect, test } from 'vitest';
import { may, NO_RIGHTS, setCamera, setEvery, setHouse, tidyRights, within } from './rights';

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

test('nobody gives more than they have', () => {
  const most = { house: [], every_camera: [], cameras: { gate: ['live' as const] } };
  const asked = tidyRights({ house: ['users'], every_camera: ['live'], cameras: { gate: ['live', 'playback'], yard: ['live'] } });
  expect(within(asked, most)).toEqual({ house: [], every_camera: [], cameras: {} });
  expect(within({ ...asked, every_camera: [], cameras: { gate: ['live', 'playback'] } }, most).cameras).toEqual({ gate: ['live'] });
});
