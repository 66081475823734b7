import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText } from '../../../tests/support/masks';
import { bitmapArea, createBitmap } from './bitmap';
import { distanceTransform, interiorMaximum } from './distance';

/** The definition: for every foreground pixel the nearest background pixel of all. */
function plainDistances(
  { width, height, data }: { width: number; height: number; data: Uint8Array },
  borderIsBackground: boolean,
): number[] {
  const pad = borderIsBackground ? 1 : 0;
  return Array.from(data, (value, p) => {
    if (value === 0) return 0;
    const [x, y] = [p % width, Math.floor(p / width)];
    let best = Number.POSITIVE_INFINITY;
    for (let v = -pad; v < height + pad; v++) {
      for (let u = -pad; u < width + pad; u++) {
        const inside = u >= 0 && v >= 0 && u < width && v < height;
        if (!inside || data[v * width + u] === 0) best = Math.min(best, (u - x) ** 2 + (v - y) ** 2);
      }
    }
    return Math.fround(Math.sqrt(best));
  });
}

describe('distance transform', () => {
  it('is exact', () => {
    fc.assert(
      fc.property(anyBitmap, fc.boolean(), (bitmap, border) => {
        expect([...distanceTransform(bitmap, border)]).toEqual(plainDistances(bitmap, border));
      }),
      { numRuns: 300 },
    );
  });

  it('knows masks without background', () => {
    const full = { width: 3, height: 3, data: new Uint8Array(9).fill(1) };
    expect([...distanceTransform(full)]).toEqual(new Array(9).fill(Number.POSITIVE_INFINITY));
    expect([...distanceTransform(full, true)]).toEqual([1, 1, 1, 1, 2, 1, 1, 1, 1]);
  });
});

describe('interior maximum', () => {
  it('gives the centre of the deepest pixel, the first of equals', () => {
    const mask = bitmapFromText('.......', '.#####.', '.#####.', '.#####.', '.......');
    expect(interiorMaximum(mask)).toEqual({ x: 2.5, y: 2.5, distance: 2 });
    expect(interiorMaximum(createBitmap(4, 4))).toBeNull();
    expect(interiorMaximum({ width: 1, height: 1, data: Uint8Array.of(1) })).toEqual({
      x: 0.5,
      y: 0.5,
      distance: 1,
    });
  });

  it('leaves out excluded pixels, wherever in them the point lies', () => {
    const mask = bitmapFromText('##', '..');
    expect(interiorMaximum(mask, [{ x: 0.99, y: 0.2 }])).toEqual({ x: 1.5, y: 0.5, distance: 1 });
    expect(
      interiorMaximum(mask, [
        { x: 0.5, y: 0.5 },
        { x: 1.5, y: 0.5 },
        { x: 9, y: 9 },
      ]),
    ).toBeNull();
  });

  it('is always a foreground pixel with the greatest padded distance', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const point = interiorMaximum(bitmap);
        if (point === null) {
          expect(bitmapArea(bitmap)).toBe(0);
          return;
        }
        const distances = distanceTransform(bitmap, true);
        const p = Math.floor(point.y) * bitmap.width + Math.floor(point.x);
        expect(bitmap.data[p]).toBe(1);
        expect(p).toBe(distances.indexOf(Math.max(...distances)));
        expect(point.distance).toBe(distances[p]);
      }),
    );
  });
});
