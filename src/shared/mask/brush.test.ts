import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, wholeBitmap } from '../../../tests/support/masks';
import type { Point, Size } from '../geometry/types';
import { createBitmap, equalBitmaps } from './bitmap';
import { isInStroke, PaintedMask } from './brush';

const place = fc.double({ min: -12, max: 44, noNaN: true });
const point: fc.Arbitrary<Point> = fc.record({ x: place, y: place });
const grid: fc.Arbitrary<Point> = fc.record({
  x: fc.integer({ min: -4, max: 70 }).map((n) => n / 2),
  y: fc.integer({ min: -4, max: 70 }).map((n) => n / 2),
});
const anyPoint = fc.oneof(point, grid);
const anyRadius = fc.oneof(
  fc.double({ min: 0.2, max: 15, noNaN: true }),
  fc.integer({ min: 1, max: 20 }).map((n) => n / 2),
);
const size: Size = { width: 33, height: 29 };

function expected(from: Point, to: Point, radius: number): Uint8Array {
  const { data } = createBitmap(size.width, size.height);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      data[y * size.width + x] = isInStroke(from, to, radius, x + 0.5, y + 0.5) ? 1 : 0;
    }
  }
  return data;
}

describe('brush', () => {
  it('covers exactly the pixels whose centres are within its radius of the line', () => {
    fc.assert(
      fc.property(anyPoint, anyPoint, anyRadius, (from, to, radius) => {
        const painted = new PaintedMask(null, size);
        painted.paint(from, to, radius, 1);
        expect([...wholeBitmap(painted.taken(), size).data]).toEqual([...expected(from, to, radius)]);
      }),
      { numRuns: 400 },
    );
  });

  it('erases exactly those', () => {
    fc.assert(
      fc.property(anyPlaced, anyPoint, anyPoint, anyRadius, ({ mask, size }, from, to, radius) => {
        const painted = new PaintedMask(mask, size);
        painted.paint(from, to, radius, 0);
        const before = wholeBitmap(mask, size);
        const after = wholeBitmap(painted.taken(), size);
        before.data.forEach((value, i) => {
          const x = (i % size.width) + 0.5;
          const y = Math.floor(i / size.width) + 0.5;
          expect(after.data[i]).toBe(isInStroke(from, to, radius, x, y) ? 0 : value);
        });
      }),
    );
  });

  it('has no gap between samples and does not depend on how many there are on a line', () => {
    fc.assert(
      fc.property(
        grid,
        grid,
        // No whole number: a centre at exactly this distance is in or out by rounding.
        fc.integer({ min: 1, max: 6 }).map((radius) => radius + 0.37),
        fc.constantFrom(2, 4),
        (from, to, radius, steps) => {
          const once = new PaintedMask(null, size);
          once.paint(from, to, radius, 1);
          const often = new PaintedMask(null, size);
          for (let i = 0; i < steps; i++) {
            const at = (t: number): Point => ({
              x: from.x + (to.x - from.x) * t,
              y: from.y + (to.y - from.y) * t,
            });
            often.paint(at(i / steps), at((i + 1) / steps), radius, 1);
          }
          expect(equalBitmaps(wholeBitmap(once.taken(), size), wholeBitmap(often.taken(), size))).toBe(true);
        },
      ),
    );
  });

  it('tells the box of what it changed, and leaves the mask it began with alone', () => {
    fc.assert(
      fc.property(
        anyPlaced,
        anyPoint,
        anyPoint,
        anyRadius,
        fc.constantFrom<0 | 1>(0, 1),
        (start, from, to, radius, value) => {
          const before = wholeBitmap(start.mask, start.size);
          const painted = new PaintedMask(start.mask, start.size);
          const box = painted.paint(from, to, radius, value);
          const after = wholeBitmap(painted.taken(), start.size);
          expect(wholeBitmap(start.mask, start.size)).toEqual(before);
          after.data.forEach((pixel, i) => {
            const x = i % start.size.width;
            const y = Math.floor(i / start.size.width);
            const inBox = box !== null && x >= box.x1 && x < box.x2 && y >= box.y1 && y < box.y2;
            if (!inBox) expect(pixel).toBe(before.data[i]);
          });
        },
      ),
    );
  });

  it('works on a part of a huge image only', () => {
    const painted = new PaintedMask(null, { width: 12_000, height: 12_000 });
    painted.paint({ x: 6000, y: 6000 }, { x: 6100, y: 6050 }, 20, 1);
    painted.paint({ x: 6100, y: 6050 }, { x: 6200, y: 6050 }, 20, 1);
    expect(painted.part?.data.length).toBeLessThan(100_000);
    expect(painted.taken()).toMatchObject({ x: 5980, y: 5980, width: 240 });
  });
});
