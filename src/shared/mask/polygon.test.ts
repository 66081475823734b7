import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText } from '../../../tests/support/masks';
import { bitmapArea, createBitmap, equalBitmaps } from './bitmap';
import { connectedParts } from './components';
import { MaskFormatError } from './errors';
import {
  fillPolygonsOpenCv,
  maskToPolygons,
  polygonsToMask,
  rasterizePolygons,
  ringArea,
  simplifyRing,
} from './polygon';
import { decodeMask, encodeMask, isEmptyRle, rleArea, rleBbox } from './rle';

describe('outlines', () => {
  it('list corners, clockwise outside and the other way round holes', () => {
    expect(maskToPolygons(bitmapFromText('....', '.###', '.#.#', '.###'))).toEqual([
      { outer: [1, 1, 4, 1, 4, 4, 1, 4], holes: [[2, 3, 3, 3, 3, 2, 2, 2]] },
    ]);
    expect(maskToPolygons(createBitmap(3, 2))).toEqual([]);
  });

  it('keep pixels that touch at a corner together', () => {
    expect(maskToPolygons(bitmapFromText('#.', '.#'))).toEqual([
      { outer: [0, 0, 1, 0, 1, 1, 2, 1, 2, 2, 1, 2, 1, 1, 0, 1], holes: [] },
    ]);
  });

  it('know an island in a hole as a part of its own', () => {
    const parts = maskToPolygons(bitmapFromText('#####', '#...#', '#.#.#', '#...#', '#####'));
    expect(parts.map((part) => part.holes.length)).toEqual([1, 0]);
  });

  it('give the mask back exactly', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const parts = maskToPolygons(bitmap);
        expect(equalBitmaps(polygonsToMask(parts, bitmap), bitmap)).toBe(true);
        expect(parts.length).toBe(connectedParts(bitmap, 8).parts.length);
        let area = 0;
        for (const part of parts) {
          expect(ringArea(part.outer)).toBeGreaterThan(0);
          area += ringArea(part.outer);
          for (const hole of part.holes) {
            expect(ringArea(hole)).toBeLessThan(0);
            area += ringArea(hole);
          }
        }
        expect(area).toBe(bitmapArea(bitmap));
      }),
      { numRuns: 250 },
    );
  });
});

describe('the pixel-centre rule', () => {
  it('includes centres on left and top sides only', () => {
    const square = { outer: [0.5, 0.5, 2.5, 0.5, 2.5, 2.5, 0.5, 2.5], holes: [] };
    expect(polygonsToMask([square], { width: 4, height: 4 })).toEqual(
      bitmapFromText('##..', '##..', '....', '....'),
    );
  });

  it('cuts off what lies outside and unites parts', () => {
    const left = { outer: [-9, -9, 2, -9, 2, 9, -9, 9], holes: [[0, 1, 1, 1, 1, 2, 0, 2]] };
    const over = { outer: [1, 0, 9, 0, 9, 1, 1, 1], holes: [] };
    expect(polygonsToMask([left, over], { width: 4, height: 3 })).toEqual(
      bitmapFromText('####', '.#..', '##..'),
    );
    const away = { outer: [20, 20, 30, 20, 30, 30], holes: [] };
    expect(bitmapArea(polygonsToMask([away], { width: 4, height: 3 }))).toBe(0);
  });
});

describe('malformed rings', () => {
  it.each([
    ['an odd number of coordinates', [1, 2, 3, 4, 5, 6, 7], /7 numbers/],
    ['a box in place of a polygon', [1, 2, 3, 4], /4 numbers/],
    ['a coordinate that is no number', [1, 2, 3, Number.NaN, 5, 6], /Number 3 .* NaN/],
    ['a coordinate far outside', [1, 2, 3, 4, 5, 1e12], /Number 5 .* far outside/],
  ])('are refused: %s', (_name, ring, message) => {
    const size = { width: 9, height: 9 };
    expect(() => rasterizePolygons([ring], size)).toThrow(MaskFormatError);
    expect(() => rasterizePolygons([ring], size)).toThrow(message);
    if (ring[5] !== 1e12) expect(() => polygonsToMask([{ outer: ring, holes: [] }], size)).toThrow(message);
  });
});

describe('COCO rasterisation', () => {
  it('fills whole pixels of a square exactly', () => {
    const rle = rasterizePolygons([[1, 2, 4, 2, 4, 6, 1, 6]], { width: 8, height: 9 });
    expect(rleBbox(rle)).toEqual([1, 2, 3, 4]);
    expect(rleArea(rle)).toBe(12);
  });

  it('unites rings, holes included, and knows no rings', () => {
    const size = { width: 8, height: 8 };
    const outer = [0, 0, 8, 0, 8, 8, 0, 8];
    expect(rasterizePolygons([outer, [2, 2, 4, 2, 4, 4, 2, 4]], size)).toEqual(
      rasterizePolygons([outer], size),
    );
    expect(isEmptyRle(rasterizePolygons([], size))).toBe(true);
  });

  it('agrees with outlines of masks, whose corners are pixel corners, where there are no holes', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const parts = maskToPolygons(bitmap);
        fc.pre(parts.length > 0 && parts.every((part) => part.holes.length === 0));
        const rle = rasterizePolygons(
          parts.map((part) => part.outer),
          bitmap,
        );
        expect(equalBitmaps(decodeMask(rle), bitmap)).toBe(true);
      }),
    );
  });
});

describe('OpenCV rasterisation', () => {
  it('draws the outline too: corners are pixels', () => {
    expect(fillPolygonsOpenCv([[1, 1, 3.9, 1, 3, 2, 1, 2.5]], { width: 5, height: 4 })).toEqual(
      bitmapFromText('.....', '.###.', '.###.', '.....'),
    );
  });

  it('fills by the even-odd rule and survives degenerate rings', () => {
    const size = { width: 7, height: 7 };
    const holed = fillPolygonsOpenCv([[0, 0, 6, 0, 6, 6, 0, 6], Int32Array.of(2, 2, 4, 2, 4, 4, 2, 4)], size);
    expect(bitmapArea(holed)).toBe(48);
    expect(holed.data[3 * 7 + 3]).toBe(0);
    expect(bitmapArea(fillPolygonsOpenCv([[], [2, 2], [9, 9, 12, 9, 12, 12]], size))).toBe(1);
    expect(bitmapArea(fillPolygonsOpenCv([[0, 3, 6, 3]], size))).toBe(7);
  });
});

describe('simplification', () => {
  it('drops points on straight sides and keeps corners', () => {
    expect(simplifyRing([0, 0, 2, 0, 4, 0, 4, 3, 4, 4, 0, 4], 0)).toEqual([0, 0, 4, 0, 4, 4, 0, 4]);
    expect(simplifyRing([0, 0, 10, 0.4, 20, 0, 20, 20, 0, 20], 0.5)).toEqual([0, 0, 20, 0, 20, 20, 0, 20]);
    expect(simplifyRing([0, 0, 1, 0, 1, 1], 100)).toEqual([0, 0, 1, 0, 1, 1]);
    expect(simplifyRing([0, 0, 5, 1, 10, 0, 5, -1], 50).length).toBe(6);
  });

  it('keeps every dropped point within the tolerance', () => {
    const coordinate = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(coordinate, coordinate), { minLength: 3, maxLength: 30 }),
        fc.double({ min: 0, max: 20, noNaN: true }),
        (points, tolerance) => {
          const ring = points.flat();
          const simple = simplifyRing(ring, tolerance);
          expect(simple.length).toBeGreaterThanOrEqual(6);
          const sides = Array.from({ length: simple.length / 2 }, (_, i) => {
            const j = (2 * i + 2) % simple.length;
            return [simple[2 * i]!, simple[2 * i + 1]!, simple[j]!, simple[j + 1]!] as const;
          });
          for (const [px, py] of points) {
            const nearest = Math.min(
              ...sides.map(([x1, y1, x2, y2]) => {
                const squared = (x2 - x1) ** 2 + (y2 - y1) ** 2;
                const t = squared > 0 ? ((px - x1) * (x2 - x1) + (py - y1) * (y2 - y1)) / squared : 0;
                const along = Math.min(1, Math.max(0, t));
                return Math.hypot(px - x1 - along * (x2 - x1), py - y1 - along * (y2 - y1));
              }),
            );
            expect(nearest).toBeLessThanOrEqual(tolerance + 1e-9);
          }
        },
      ),
    );
  });

  it('does not change a mask by more than its outline', () => {
    const mask = bitmapFromText('..###..', '.#####.', '#######', '#######', '.#####.', '..###..');
    const [part] = maskToPolygons(mask);
    const simple = simplifyRing(part?.outer ?? [], 1);
    expect(simple.length).toBeLessThan(part?.outer.length ?? 0);
    const again = polygonsToMask([{ outer: simple, holes: [] }], mask);
    expect(rleArea(encodeMask(again))).toBeGreaterThan(20);
  });
});
