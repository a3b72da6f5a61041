import { expect, test } from 'vitest';
import { Problem } from '../api/problem';
import type { DiskState } from '../api/system';
import { commandOf, offered, wouldErase } from './disks';

test('a disk is offered what its state allows', () => {
  const states: DiskState[] = ['online', 'full', 'failed', 'retired', 'released', 'foreign', 'blank', 'absent', 'newer_format', 'opening'];
  expect(states.map((state) => `${state}: ${offered(state).join(' ')}`)).toEqual([
    'online: retire release',
    'full: retire release',
    'failed: release',
    'retired: take_back release',
    'released: take_back prepare',
    'foreign: adopt prepare',
    'blank: prepare',
    'absent: create',
    'newer_format: ',
    'opening: ',
  ]);
  // A recorder that is newer than the page.
  expect(offered('elsewhere' as DiskState)).toEqual([]);
});

test('erasing is asked for where footage alone stands in the way', () => {
  const holds = 'disk d2: /srv/d2 is not marked and holds 12 files of footage, 3.1 GiB: nothing was changed; preparing it with erase deletes all of it, adopting it keeps it';
  const said = (status: number, code: string, detail: string) => new Problem(status, code, detail);
  expect(wouldErase('prepare', said(409, 'holds_footage', holds))).toBe(true);
  expect(wouldErase('erase', said(409, 'holds_footage', holds))).toBe(false);
  expect(wouldErase('prepare', said(409, 'conflict', 'disk d2 is in use: release it first'))).toBe(false);
  expect(wouldErase('prepare', said(503, 'unavailable', holds))).toBe(false);
  expect([commandOf('erase'), commandOf('take_back'), commandOf('release'), commandOf('create')]).toEqual(['prepare', 'adopt', 'release', 'create-folder']);
});
