import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap } from '../../../tests/support/masks';
import { type Bitmap, bitmapArea, createBitmap, equalBitmaps, unionBitmaps } from '../mask/bitmap';
import { labelMeShapeMask, labelMeShapeSchema, labelMeShapes } from './labelme';

const store: Bitmap[] = [];
const encode = (piece: Bitmap): string => String(store.push(piece) - 1);
const decode = (text: string): Bitmap => store[Number(text)] ?? createBitmap(1, 1);
const size = { width: 20, height: 16 };
const shape = (shape_type: string, points: [number, number][]) =>
  labelMeShapeSchema.parse({ label: 'a', shape_type, points, extra: 1 });

describe('LabelMe shapes', () => {
  it('give any mask back exactly', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        let back = createBitmap(bitmap.width, bitmap.height);
        for (const geometry of labelMeShapes(bitmap, 0, encode)) {
          const parsed = labelMeShapeSchema.parse({ label: 'a', ...geometry });
          back = unionBitmaps(back, labelMeShapeMask(parsed, bitmap, decode));
        }
        expect(equalBitmaps(back, bitmap)).toBe(true);
      }),
    );
  });

  it('are polygons, rectangles, circles; others say why they have no pixels', () => {
    const area = (type: string, points: [number, number][]): number =>
      bitmapArea(labelMeShapeMask(shape(type, points), size, decode));
    expect(
      area('rectangle', [
        [8.9, 9.9],
        [3.2, 5.7],
      ]),
    ).toBe(6 * 5);
    expect(
      area('polygon', [
        [1, 1],
        [4.5, 1],
        [4.5, 3],
        [1, 3],
      ]),
    ).toBe(4 * 3);
    // As Pillow's ellipse.
    expect(
      area('circle', [
        [8, 8],
        [8, 13],
      ]),
    ).toBe(97);
    expect(() =>
      area('line', [
        [1, 1],
        [4, 4],
      ]),
    ).toThrow('"line" has no pixels');
    expect(() =>
      area('polygon', [
        [1, 1],
        [4, 4],
      ]),
    ).toThrow('2 points');
    expect(() =>
      area('mask', [
        [1, 1],
        [4, 4],
      ]),
    ).toThrow('without pixels');
    expect(labelMeShapeSchema.safeParse({ label: 'a', points: [[1]] }).success).toBe(false);
  });
});
