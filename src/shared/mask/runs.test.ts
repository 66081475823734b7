import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Bitmap, bitmapArea, createBitmap } from './bitmap';
import { encodeMask } from './rle';
import { type MaskRuns, runsCover, runsOf, sampleRuns } from './runs';

/** Some rectangles and single pixels, in an image of 97 × 61. */
const bitmaps = fc
  .array(
    fc.record({
      x: fc.nat(96),
      y: fc.nat(60),
      width: fc.integer({ min: 1, max: 40 }),
      height: fc.integer({ min: 1, max: 70 }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((rectangles) => {
    const bitmap = createBitmap(97, 61);
    for (const { x, y, width, height } of rectangles) {
      for (let row = y; row < Math.min(61, y + height); row++) {
        for (let column = x; column < Math.min(97, x + width); column++) bitmap.data[row * 97 + column] = 1;
      }
    }
    return bitmap;
  });

describe('runs', () => {
  it('know every pixel', () => {
    fc.assert(
      fc.property(bitmaps, (bitmap) => {
        const runs = found(bitmap);
        expect(runs.area).toBe(bitmapArea(bitmap));
        const wrong: string[] = [];
        for (let y = -1; y <= bitmap.height; y++) {
          for (let x = -1; x <= bitmap.width; x++) {
            const isCovered = runsCover(runs, { x: x + 0.5, y: y + 0.9 });
            if (isCovered !== (pixel(bitmap, x, y) === 1)) wrong.push(`${x}, ${y}`);
          }
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('are sampled at the middle of every pixel of a raster', () => {
    const rasters = fc.record({
      step: fc.constantFrom(0.25, 0.5, 1, 2, 4, 8),
      column: fc.integer({ min: -1, max: 3 }),
      row: fc.integer({ min: -1, max: 2 }),
    });
    fc.assert(
      fc.property(bitmaps, rasters, (bitmap, { step, column, row }) => {
        const side = 16;
        const raster = {
          x: column * side * step,
          y: row * side * step,
          step,
          width: side + 2,
          height: side + 2,
        };
        const into = new Uint8Array(raster.width * raster.height);
        const box = sampleRuns(found(bitmap), raster, into);
        const middle = step < 1 ? 0 : Math.floor(step / 2);
        const expected = new Uint8Array(into.length);
        for (let j = 0; j < raster.height; j++) {
          for (let i = 0; i < raster.width; i++) {
            const x = Math.floor(raster.x + i * step) + middle;
            const y = Math.floor(raster.y + j * step) + middle;
            expected[j * raster.width + i] = pixel(bitmap, x, y);
          }
        }
        // A tiny mask may have one pixel of the raster for itself.
        if (!expected.includes(1) && into.includes(1)) {
          expect(into.reduce((sum, value) => sum + value, 0)).toBe(1);
          expect(step).toBeGreaterThan(1);
        } else expect(into).toEqual(expected);
        const isOutside = [...into].some((value, at) => {
          const i = at % raster.width;
          const j = Math.floor(at / raster.width);
          return value === 1 && !(box && i >= box.x1 && i < box.x2 && j >= box.y1 && j < box.y2);
        });
        expect(isOutside).toBe(false);
      }),
      { numRuns: 120 },
    );
  });

  it('a single pixel is still there when the image is scaled down', () => {
    const bitmap = createBitmap(100, 100);
    bitmap.data[37 * 100 + 61] = 1;
    const into = new Uint8Array(16);
    const box = sampleRuns(found(bitmap), { x: 0, y: 0, step: 32, width: 4, height: 4 }, into);
    expect([...into]).toEqual([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(box).toEqual({ x1: 1, y1: 1, x2: 2, y2: 2 });
  });

  it('an empty mask has none', () => {
    expect(runsOf(encodeMask(createBitmap(4, 4)))).toBeNull();
  });
});

function found(bitmap: Bitmap): MaskRuns {
  const runs = runsOf(encodeMask(bitmap));
  if (!runs) throw new Error('the mask is empty');
  return runs;
}

function pixel({ width, height, data }: Bitmap, x: number, y: number): number {
  return x < 0 || y < 0 || x >= width || y >= height ? 0 : (data[y * width + x] ?? 0);
}
