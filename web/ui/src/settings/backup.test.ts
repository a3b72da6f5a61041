import { expect, test } from 'vitest';
import { Problem } from '../api/problem';
import { culprit, fileName, headOf } from './backup';

const HEAD = JSON.stringify({ name: 'Lobby', saved: '2026-11-22T21:00:00Z', version: '0.1.0', salt: '00', nonce: '00', length: 7 });

test('a backup says of whom and when it is before anybody knows its password', () => {
  const head = { name: 'Lobby', saved: Date.parse('2026-11-22T21:00:00Z'), version: '0.1.0' };
  expect(headOf(`vigie backup 1\n${HEAD}\n\u0000\ufffd`)).toEqual(head);
  expect(headOf(`vigie backup 2\n${HEAD}\n`)).toEqual(head);
  for (const other of ['', 'vigie backup 1', 'vigie backup 1\n{}\n', 'vigie backup 1\nnull\n', 'vigie backup 1\n{"name":', `vigie backup x\n${HEAD}\n`, `{"vigie":"configuration"}\n${HEAD}`]) {
    expect(headOf(other), other).toBeNull();
  }
});

test('the file is called as the recorder says, and never leads elsewhere', () => {
  const now = Date.parse('2026-11-22T23:59:00Z');
  expect(fileName('attachment; filename="lobby-2026-11-22.vigie"', now)).toBe('lobby-2026-11-22.vigie');
  for (const other of [null, 'attachment', 'attachment; filename="../lobby"', 'attachment; filename=""']) expect(fileName(other, now)).toBe('vigie-2026-11-22.vigie');
});

test('what the recorder says stands at what it is about', () => {
  const said = (status: number, detail: string) => culprit(new Problem(status, 'bad_request', detail));
  expect(said(400, 'the password is not the one that the backup was made with')).toBe('password');
  expect(said(400, 'the password has 3 characters: use at least 8')).toBe('password');
  expect(said(400, 'the backup is cut off: seen 12 bytes, expected 4000; copy it again')).toBe('file');
  expect(said(413, 'too large')).toBe('file');
  expect(said(422, 'camera "gate": no password')).toBeNull();
  expect(said(0, 'failed to fetch')).toBeNull();
});
