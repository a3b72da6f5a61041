import { expect, test } from 'vitest';
import { add, clear, copy, cut, dayWords, invert, readDay, tableOf, touches, weekOf } from './week';

test('the most exact key counts, and nights go on into the next day', () => {
  const week = weekOf({ daily: ['20:00-06:30'], weekend: ['00:00-24:00'], fri: ['12:00-14:00', '20:00-06:30'] });
  expect(week[0]).toEqual([[1200, 1440]]);
  expect(week[1]).toEqual([[0, 390], [1200, 1440]]);
  expect(week[4]).toEqual([[0, 390], [720, 840], [1200, 1440]]);
  expect(week[5]).toEqual([[0, 1440]]);
  // Sunday has no night of its own that reaches Monday.
  expect(touches(week, 0, [0, 390])).toBe(false);
});

test('written in as few keys as it takes, and read back the same', () => {
  for (const table of [{ daily: ['08:00-12:00'] }, { weekdays: ['08:00-12:00', '13:15-18:00'] }, { weekend: ['00:00-24:00'], tue: ['01:00-02:00'] }, {}]) {
    expect(tableOf(weekOf(table))).toEqual(table);
  }
  const night = weekOf({ daily: ['20:00-06:30'] });
  expect(weekOf(tableOf(night))).toEqual(night);
});

test('drawn, cut, turned around and copied', () => {
  const drawn = add(clear(), [0, 1], [480, 720]);
  expect(drawn[1]).toEqual([[480, 720]]);
  expect(cut(drawn, [0], [540, 600])[0]).toEqual([[480, 540], [600, 720]]);
  expect(invert(drawn)[0]).toEqual([[0, 480], [720, 1440]]);
  expect(invert(invert(drawn))).toEqual(drawn);
  expect(invert(clear())[6]).toEqual([[0, 1440]]);
  expect(copy(drawn, 0, [5, 6])[6]).toEqual([[480, 720]]);
});

test('a day as people write it', () => {
  expect(readDay('08:00–12:00, 13:15-18:00')).toEqual([[480, 720], [795, 1080]]);
  expect(readDay('')).toEqual([]);
  expect(readDay('8-12')).toBeNull();
  expect(readDay('12:00-08:00')).toBeNull();
  expect(readDay('08:00-24:30')).toBeNull();
  expect(dayWords([[480, 720]])).toBe('08:00–12:00');
});
