import { afterEach, expect, test, vi } from 'vitest';
import { Problem } from '../api/problem';
import type { Span } from '../footage/causes';
import { filesOf, saveAll, spansOf } from './downloads';

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const mixed = (cuts: number[]): Problem => new Problem(409, 'mixed_formats', 'formats differ', cuts);
const none = new Problem(404, 'no_footage', 'no footage there');
const T = Date.UTC(2026, 0, 1);

/** A recorder whose formats change at these times, which it tells by the millisecond although they come a little later. */
const recorder = (changes: number[]) => (asked: Span[]) => (span: Span): Promise<void> => {
  asked.push(span);
  const cuts = changes.filter((at) => at + 0.5 > span.from && at + 0.5 < span.to);
  return cuts.length > 0 ? Promise.reject(mixed(cuts)) : Promise.resolve();
};

test('a range of many formats is many files, without an end after twenty', async () => {
  const changes = Array.from({ length: 70 }, (_, at) => T + (at + 1) * 1_000);
  const asked: Span[] = [];
  const told: number[] = [];
  const found = await spansOf({ from: T, to: T + 100_000 }, recorder(changes)(asked), (count) => told.push(count));
  expect(found).toHaveLength(71);
  expect(asked).toHaveLength(72);
  expect(told.at(-1)).toBe(71);
  expect(found[0]).toEqual({ from: T, to: T + 1_000 });
  expect(found.at(-1)).toEqual({ from: T + 70_001, to: T + 100_000 });
});

test('a piece without footage is left out; a range without any says so', async () => {
  const look = ({ from, to }: Span): Promise<void> => Promise.reject(to - from > 50 ? mixed([from + 50]) : none);
  await expect(spansOf({ from: 0, to: 100 }, look)).rejects.toBe(none);
  const half = (span: Span): Promise<void> => (span.from === 0 ? look(span) : Promise.resolve());
  expect(await spansOf({ from: 0, to: 100 }, half)).toEqual([{ from: 51, to: 100 }]);
});

test('another fault, or a cut that leads nowhere, is told and ends it', async () => {
  const broken = new Problem(500, 'internal', 'broken');
  await expect(spansOf({ from: 0, to: 100 }, () => Promise.reject(broken))).rejects.toBe(broken);
  await expect(spansOf({ from: 0, to: 100 }, () => Promise.reject(mixed([0, 100])))).rejects.toThrow('mixed_formats');
});

test('the shown stream is taken, and the other where it has nothing', async () => {
  const answer = (path: string): Response => (path.includes('stream=sub') ? Response.json({ code: 'no_footage', detail: 'none' }, { status: 404 }) : new Response('x'));
  vi.stubGlobal('fetch', (path: string) => Promise.resolve(answer(path)));
  const { signal } = new AbortController();
  const range = { from: T, to: T + 10 };
  expect(await filesOf('gate', ['main', 'sub'], range, signal, () => {})).toEqual([{ camera: 'gate', stream: 'main', span: range }]);
  expect(await filesOf('gate', ['sub', 'main'], range, signal, () => {})).toEqual([{ camera: 'gate', stream: 'main', span: range }]);
  await expect(filesOf('gate', ['sub'], range, signal, () => {})).rejects.toThrow('no_footage');
});

test('fewer than ten a second are handed over, none after the page was left', async () => {
  vi.useFakeTimers();
  const clicked: string[] = [];
  vi.stubGlobal('document', { createElement: () => ({ href: '', click() { clicked.push(this.href); } }) });
  const leave = new AbortController();
  const files = Array.from({ length: 30 }, (_, at) => ({ camera: 'gate', stream: 'sub' as const, span: { from: T + at, to: T + at + 1 } }));
  const done = saveAll(files, leave.signal);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(clicked.length).toBeGreaterThan(3);
  expect(clicked.length).toBeLessThan(10);
  expect(clicked[0]).toMatch(/stream=sub.*&download=true$/);
  leave.abort();
  const before = clicked.length;
  await vi.advanceTimersByTimeAsync(10_000);
  await done;
  expect(clicked).toHaveLength(before);
});
