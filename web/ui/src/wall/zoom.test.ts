import { expect, test } from 'vitest';
import { MOST, WHOLE, isZoomed, panned, pinched, transformOf, zoomed, type Point, type Zoom } from './zoom';

/** Where in the picture a point of the window is. */
const under = ({ scale, x, y }: Zoom, point: Point): Point => ({ x: x + point.x / scale, y: y + point.y / scale });

test('what is under the pointer stays there', () => {
  const at = { x: 0.3, y: 0.8 };
  const one = zoomed(WHOLE, 2, at);
  const two = zoomed(one, 1.7, at);
  for (const zoom of [one, two]) {
    expect(under(zoom, at).x).toBeCloseTo(0.3);
    expect(under(zoom, at).y).toBeCloseTo(0.8);
  }
});

test('never beyond the picture, never too close', () => {
  expect(zoomed(WHOLE, 0.1, { x: 0.5, y: 0.5 })).toEqual(WHOLE);
  expect(zoomed(WHOLE, 1e6, { x: 0, y: 0 }).scale).toBe(MOST);
  const corner = panned(zoomed(WHOLE, 4, { x: 0.5, y: 0.5 }), { x: -9, y: 9 });
  expect([corner.x, corner.y]).toEqual([0.75, 0]);
  expect(panned(WHOLE, { x: 0.4, y: 0.4 })).toEqual(WHOLE);
});

test('back to the whole picture, exactly', () => {
  const back = zoomed(zoomed(WHOLE, 3, { x: 0.9, y: 0.1 }), 1 / 3, { x: 0.2, y: 0.2 });
  expect(back).toEqual(WHOLE);
  expect(isZoomed(back)).toBe(false);
  expect(transformOf(back)).toBe('none');
});

test('two fingers spread and move', () => {
  const zoom = pinched(WHOLE, [{ x: 0.4, y: 0.5 }, { x: 0.6, y: 0.5 }], [{ x: 0.3, y: 0.5 }, { x: 0.7, y: 0.5 }]);
  expect(zoom.scale).toBeCloseTo(2);
  expect(under(zoom, { x: 0.5, y: 0.5 }).x).toBeCloseTo(0.5);
  const moved = pinched(zoom, [{ x: 0.3, y: 0.5 }, { x: 0.7, y: 0.5 }], [{ x: 0.4, y: 0.5 }, { x: 0.8, y: 0.5 }]);
  expect(moved.scale).toBeCloseTo(2);
  expect(under(moved, { x: 0.6, y: 0.5 }).x).toBeCloseTo(0.5);
});
