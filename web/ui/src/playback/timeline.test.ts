import { expect, test } from 'vitest';
import { foundAt, joined, nextStart, tilesOf, TimelineStore, type Lane } from './timeline';
import { centre, fineness, follow, lengthOf, LONGEST, nearest, pan, range, SHORTEST, ticks, timeAt, zoom } from './scale';
import { differ, fieldOf, known, ofField, Zone } from './zone';

const NOW = Date.UTC(2026, 10, 22, 12);
const HOUR = 3_600_000;
const day = { from: NOW - 24 * HOUR, to: NOW };

test('the time under the pointer stays there while zooming', () => {
  for (const part of [0, 0.3, 1]) {
    const fixed = timeAt(day, part);
    const near = zoom(day, 0.5, part, NOW);
    expect(lengthOf(near)).toBeCloseTo(12 * HOUR);
    expect(timeAt(near, part)).toBeCloseTo(fixed, 0);
  }
});

test('zoom ends at seconds and at months, and shows nothing far in the future', () => {
  let view = day;
  for (let i = 0; i < 60; i++) view = zoom(view, 0.8, 0.5, NOW);
  expect(lengthOf(view)).toBe(SHORTEST);
  for (let i = 0; i < 99; i++) view = zoom(view, 1.3, 0.5, NOW);
  expect(lengthOf(view)).toBe(LONGEST);
  expect(view.to).toBeLessThanOrEqual(NOW + LONGEST * 0.051);
  expect(pan(day, 99 * HOUR, NOW).to).toBeLessThanOrEqual(NOW + 24 * HOUR * 0.051);
  expect(centre(day, NOW - 48 * HOUR, NOW)).toEqual({ from: NOW - 60 * HOUR, to: NOW - 36 * HOUR });
});

test('the window turns a page when what is played leaves it, not when it was elsewhere', () => {
  const view = { from: 0, to: 100_000 };
  expect(follow(view, 90_000, 94_000, 1e9)).toBe(view);
  expect(follow(view, 94_000, 96_000, 1e9)).toEqual({ from: 86_000, to: 186_000 });
  expect(follow(view, 500_000, 510_000, 1e9)).toBe(view);
});

test('marks fall on round local times', () => {
  const paris = new Zone('Europe/Paris');
  const hours = ticks({ from: Date.UTC(2026, 10, 21, 23), to: Date.UTC(2026, 10, 22, 23) }, 9, paris).map(({ time }) => paris.wall(time).hour);
  expect(hours).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
  const kolkata = new Zone('Asia/Kolkata');
  expect(ticks(day, 9, kolkata).every(({ time }) => kolkata.wall(time).hour % 3 === 0 && kolkata.wall(time).minute === 0)).toBe(true);
  expect(ticks({ from: NOW, to: NOW + 10_000 }, 10, paris)).toHaveLength(10);
  expect(ticks({ from: NOW - 90 * 24 * HOUR, to: NOW }, 10, paris).length).toBeLessThanOrEqual(10);
});

test('marks of days with 23 and 25 hours', () => {
  const paris = new Zone('Europe/Paris');
  for (const date of [Date.UTC(2026, 2, 29, 12), Date.UTC(2026, 9, 25, 12)]) {
    const from = paris.startOfDay(date);
    const to = paris.day(date, 1);
    const found = ticks({ from, to }, 10, paris);
    expect(found.map(({ time }) => paris.wall(time).hour)).toEqual([0, 3, 6, 9, 12, 15, 18, 21]);
    expect(found[1]!.time - found[0]!.time).toBe(date < Date.UTC(2026, 5) ? 2 * HOUR : 4 * HOUR);
  }
});

test('days are as long as they are in the zone', () => {
  const paris = new Zone('Europe/Paris');
  const lengths = (time: number): number[] => paris.daysOfMonth(time).map(({ from, to }) => (to - from) / HOUR);
  const march = lengths(Date.UTC(2026, 2, 15));
  expect(march).toHaveLength(31);
  expect(march[28]).toBe(23);
  expect(lengths(Date.UTC(2026, 9, 15))[24]).toBe(25);
  expect(lengths(Date.UTC(2026, 9, 15)).filter((hours) => hours === 24)).toHaveLength(30);
  // Midnight itself is left out there.
  const beirut = new Zone('Asia/Beirut');
  expect(beirut.daysOfMonth(Date.UTC(2026, 2, 15))).toHaveLength(31);
  // A whole day was left out.
  const apia = new Zone('Pacific/Apia');
  expect(apia.wall(apia.day(Date.UTC(2011, 11, 29, 20), 1)).day).toBeGreaterThanOrEqual(30);
});

test('local times become instants and back', () => {
  const paris = new Zone('Europe/Paris');
  for (const time of [NOW, Date.UTC(2026, 5, 1), Date.UTC(2026, 2, 29, 0, 59, 59), Date.UTC(2026, 2, 29, 1)]) {
    expect(ofField(paris, fieldOf(paris, time))).toBe(time);
  }
  expect(fieldOf(paris, Date.UTC(2026, 10, 20, 8, 41))).toBe('2026-11-20T09:41:00');
  // It is there twice: the first one is meant.
  expect(ofField(paris, '2026-10-25T02:30')).toBe(Date.UTC(2026, 9, 25, 0, 30));
  // It is not there.
  expect(ofField(paris, '2026-03-29T02:30')).toBe(Date.UTC(2026, 2, 29, 1, 30));
  expect(ofField(paris, 'soon')).toBeNull();
});

test('the finer the closer, and never finer than asked for', () => {
  expect(fineness({ from: 0, to: 60_000 }, 1000)).toBe(1);
  expect(fineness({ from: 0, to: 24 * HOUR }, 1000)).toBe(60);
  expect(fineness({ from: 0, to: 90 * 24 * HOUR }, 1000)).toBe(3600);
});

const lane = (footage: [number, number][], more: Partial<Lane> = {}): Lane => ({ camera: 'a', footage, causes: { schedule: footage }, gaps: [], ...more });

test('tiles are asked for once, those that grow again', () => {
  const store = new TimelineStore();
  const view = { from: 600_000, to: 1_300_000 };
  const tiles = tilesOf(view, 1);
  expect(tiles.map(({ from }) => from)).toEqual([600_000, 1_200_000]);
  expect(store.missing(view, 1, 0, 1_250_000)).toHaveLength(2);
  for (const tile of tiles) store.put(tile, [lane([[tile.from, tile.to]])], 0, 1_250_000);
  expect(store.missing(view, 1, 1000, 1_250_000)).toHaveLength(0);
  expect(store.missing(view, 1, 9000, 1_250_000).map(({ from }) => from)).toEqual([1_200_000]);
  expect(store.missing({ from: 9_000_000, to: 9_100_000 }, 1, 0, 1_250_000)).toHaveLength(0);
});

test('footage of neighbouring tiles is one stretch', () => {
  const store = new TimelineStore();
  const view = { from: 0, to: 1_200_000 };
  for (const tile of tilesOf(view, 1)) store.put(tile, [lane([[tile.from + (tile.from ? 0 : 5000), tile.to]])], 0, 1e9);
  expect(store.lane('a', view, 1).footage).toEqual([[5000, 1_200_000]]);
});

test('until the right tile is there, another fineness stands in', () => {
  const store = new TimelineStore();
  store.put({ step: 60, from: 0, to: 36_000_000 }, [lane([[100_000, 400_000]], { gaps: [[400_000, 450_000, 'network']] })], 0, 1e9);
  const found = store.lane('a', { from: 0, to: 600_000 }, 1);
  expect(found.footage).toEqual([[100_000, 400_000]]);
  expect(found.gaps).toEqual([[400_000, 450_000, 'network']]);
  expect(found.unknown).toEqual([]);
  store.put({ step: 1, from: 0, to: 600_000 }, [lane([[101_000, 399_000]])], 0, 1e9);
  expect(store.lane('a', { from: 0, to: 600_000 }, 1).footage).toEqual([[101_000, 399_000]]);
  expect(store.lane('b', { from: 0, to: 600_000 }, 1).unknown).toHaveLength(1);
});

test('what is under the pointer', () => {
  const one = { ...lane([[0, 100_000]], { gaps: [[40_000, 41_000, 'crash']], causes: { schedule: [[0, 100_000]], motion: [[10_000, 20_000]] } }), unknown: [] as [number, number][] };
  expect(foundAt(one, 15_000, 500)).toEqual({ kind: 'footage', causes: ['schedule', 'motion'] });
  expect(foundAt(one, 40_500, 500)).toEqual({ kind: 'gap', span: { from: 40_000, to: 41_000 }, cause: 'crash' });
  expect(foundAt(one, 41_500, 2000).kind).toBe('gap');
  expect(foundAt(one, 200_000, 500)).toEqual({ kind: 'none' });
  expect(nextStart([one], 5_000, new Set(['motion']))).toBe(10_000);
  expect(nextStart([one], 15_000, null)).toBe(15_000);
  expect(nextStart([one], 100_000, null)).toBeNull();
});

test('stretches that touch are joined', () => {
  expect(joined([[0, 10], [12, 20], [40, 50]], 5)).toEqual([[0, 20], [40, 50]]);
});

test('ranges and marks', () => {
  expect(range(9, 3)).toEqual({ from: 3, to: 9 });
  expect(nearest([{ time: 10 }, { time: 30 }], 27, 5)).toEqual({ time: 30 });
  expect(nearest([{ time: 10 }], 27, 5)).toBeNull();
});

test('zones are told apart by what their clocks show, not by their names', () => {
  const [paris, berlin, lagos] = ['Europe/Paris', 'Europe/Berlin', 'Africa/Lagos'].map((name) => new Zone(name)) as [Zone, Zone, Zone];
  expect(differ(paris, berlin, NOW)).toBe(false);
  // The same in November, an hour apart in summer.
  expect(paris.offset(NOW)).toBe(lagos.offset(NOW));
  expect(differ(paris, lagos, NOW)).toBe(true);
  expect([known('Europe/Paris'), known('Nowhere/At_All'), known(undefined)]).toEqual(['Europe/Paris', undefined, undefined]);
});
