import { expect, test } from 'vitest';
import { AppendQueue } from './append_queue';

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

test('fragments are joined up to the next init segment', () => {
  const queue = new AppendQueue(100);
  queue.begin({ mime: 'a', bytes: bytes(0) });
  queue.push(bytes(1, 2));
  queue.push(bytes(3));
  queue.begin({ mime: 'b', bytes: bytes(9) });
  queue.push(bytes(4));

  expect(queue.take()).toEqual({ kind: 'init', init: { mime: 'a', bytes: bytes(0) } });
  expect(queue.take()).toEqual({ kind: 'media', bytes: bytes(1, 2, 3), first: bytes(1, 2) });
  expect(queue.take()).toMatchObject({ kind: 'init', init: { mime: 'b' } });
  expect(queue.take()).toMatchObject({ kind: 'media', bytes: bytes(4) });
  expect(queue.take()).toBeNull();
  expect(queue.bytes).toBe(0);
});

test('a full queue refuses, and takes again when it has been emptied', () => {
  const queue = new AppendQueue(3);
  expect(queue.push(bytes(1, 2))).toBe(true);
  expect(queue.push(bytes(3, 4))).toBe(false);
  queue.take();
  expect(queue.push(bytes(3, 4))).toBe(true);
});
