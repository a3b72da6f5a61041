import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Line } from './line';
import { event } from './sample';

class FakeSocket {
  static all: FakeSocket[] = [];
  static readonly OPEN = 1;
  readyState = 0;
  onopen: () => void = () => {};
  onclose: () => void = () => {};
  onmessage: (message: { data: string }) => void = () => {};

  constructor() {
    FakeSocket.all.push(this);
  }
  open(): void {
    this.readyState = FakeSocket.OPEN;
    this.onopen();
  }
  close(): void {
    this.readyState = 3;
  }
  drop(): void {
    this.readyState = 3;
    this.onclose();
  }
  say(value: unknown): void {
    this.onmessage({ data: JSON.stringify(value) });
  }
  static newest(): FakeSocket {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('nobody connected');
    return socket;
  }
}

const heard: string[] = [];
let catchUp: () => Promise<void>;
let line: Line;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', FakeSocket);
  vi.stubGlobal('addEventListener', () => {});
  vi.stubGlobal('removeEventListener', () => {});
  FakeSocket.all = [];
  heard.length = 0;
  catchUp = () => Promise.resolve();
  line = new Line(() => 'ws://recorder', {
    onOpen: async () => {
      heard.push('open');
      await catchUp();
    },
    onLost: () => heard.push('lost'),
    onMissed: () => heard.push('missed'),
    onEvents: (events) => heard.push(events.map(({ id }) => id).join(' ')),
  });
});

afterEach(() => {
  line.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a storm is told a few times a second, in order', async () => {
  FakeSocket.newest().open();
  for (const id of ['a', 'b', 'c']) FakeSocket.newest().say(event(id, 0, null));
  expect(heard).toEqual(['open']);
  await vi.advanceTimersByTimeAsync(250);
  FakeSocket.newest().say({ missed: 7 });
  FakeSocket.newest().say({ other: 'words' });
  FakeSocket.newest().say(event('d', 0, null));
  await vi.advanceTimersByTimeAsync(250);
  expect(heard).toEqual(['open', 'a b c', 'missed', 'd']);
});

test('a line that breaks is connected again, later each time', async () => {
  const pauses: number[] = [];
  for (let i = 0; i < 6; i++) {
    const [before, connected] = [Date.now(), FakeSocket.all.length];
    FakeSocket.newest().drop();
    while (FakeSocket.all.length === connected) await vi.advanceTimersByTimeAsync(50);
    pauses.push(Date.now() - before);
  }
  expect(pauses[0]).toBeLessThan(500);
  expect(pauses[4]).toBeGreaterThan(3_000);
  expect(Math.max(...pauses)).toBeLessThanOrEqual(6_050);
});

test('a line over which nothing could be caught up begins anew', async () => {
  catchUp = () => Promise.reject(new Error('503'));
  FakeSocket.newest().open();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(heard).toEqual(['open', 'lost']);
  expect(FakeSocket.all.length).toBe(2);
});

test('once closed it stays closed', async () => {
  FakeSocket.newest().open();
  line.close();
  FakeSocket.newest().drop();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(FakeSocket.all.length).toBe(1);
});

test('a line that says nothing for long is dead, and begins anew', async () => {
  FakeSocket.newest().open();
  for (let i = 0; i < 6; i++) {
    await vi.advanceTimersByTimeAsync(10_000);
    FakeSocket.newest().say({});
  }
  expect(heard).toEqual(['open']);
  await vi.advanceTimersByTimeAsync(24_000);
  expect(FakeSocket.all.length).toBe(1);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(heard).toEqual(['open', 'lost']);
  expect(FakeSocket.all.length).toBe(2);
  // One that never opens neither.
  await vi.advanceTimersByTimeAsync(27_000);
  expect(FakeSocket.all.length).toBe(3);
});
