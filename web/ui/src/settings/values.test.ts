import { expect, test } from 'vitest';
import type { Table } from '../api/config';
import { clone, differing, equal, getAt, homeless, rebase, setAt } from './values';

const gate = (): Table => ({ id: 'gate', main: { url: 'rtsp://a', audio: true }, record: { max_age: '30d' } });

test('reads by path, also in lists', () => {
  const all: Table = { camera: [gate()] };
  expect(getAt(all, 'camera[0].main.url')).toBe('rtsp://a');
  expect(getAt(all, 'camera[1].main.url')).toBeUndefined();
  expect(getAt(all, 'camera[0].main.url.more')).toBeUndefined();
});

test('writes by path; what is left empty goes', () => {
  const one = gate();
  setAt(one, 'sub.url', 'rtsp://b');
  expect(one['sub']).toEqual({ url: 'rtsp://b' });
  setAt(one, 'sub.url', undefined);
  expect('sub' in one).toBe(false);
  setAt(one, 'record.max_age', undefined);
  expect('record' in one).toBe(false);
  setAt(one, 'nothing.there', undefined);
  expect('nothing' in one).toBe(false);
  const all: Table = { camera: [gate()] };
  setAt(all, 'camera[0].record.motion', 'always');
  expect(getAt(all, 'camera[0].record')).toEqual({ max_age: '30d', motion: 'always' });
});

test('what differs, by path', () => {
  const typed = gate();
  setAt(typed, 'main.url', 'rtsp://c');
  setAt(typed, 'name', 'Gate');
  expect(differing(gate(), typed)).toEqual(['main.url', 'name']);
  expect(differing({ camera: [gate()] }, { camera: [typed] })).toEqual(['camera[#gate].main.url', 'camera[#gate].name']);
  expect(differing({ area: [{ x: 1 }] }, { area: [{ x: 2 }] })).toEqual(['area[0].x']);
  expect(differing({ on: ['motion'] }, { on: ['motion', 'sensor'] })).toEqual(['on']);
  expect(equal(gate(), gate())).toBe(true);
});

test('what two people changed comes together; of the same field what was typed here wins', () => {
  const base = gate();
  const typed = clone(base);
  setAt(typed, 'main.url', 'rtsp://mine');
  setAt(typed, 'record.max_age', undefined);
  const theirs = clone(base);
  setAt(theirs, 'main.url', 'rtsp://theirs');
  setAt(theirs, 'name', 'Their name');
  expect(rebase(base, typed, theirs)).toEqual({ id: 'gate', name: 'Their name', main: { url: 'rtsp://mine', audio: true } });
});

test('a change of one camera stays that camera’s where somebody else has put them in another order, or taken one away', () => {
  const yard = (): Table => ({ id: 'yard', record: {} });
  const base: Table = { camera: [yard(), gate()] };
  const typed: Table = { camera: [yard(), gate()] };
  setAt(typed, 'camera[1].record.motion', 'always');
  const changed = { ...gate(), record: { max_age: '30d', motion: 'always' } };
  expect(rebase(base, typed, { camera: [gate(), yard()] })).toEqual({ camera: [changed, yard()] });
  expect(rebase(base, typed, { camera: [gate()] })).toEqual({ camera: [changed] });
  expect(rebase(base, typed, { camera: [yard()] })).toEqual({ camera: [yard()] });
  expect(homeless(base, typed, { camera: [yard()] })).toEqual(['camera[#gate].record.motion']);
  expect(homeless(base, typed, { camera: [gate()] })).toEqual([]);
});
