import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText, twoBitmaps } from '../../../tests/support/masks';
import {
  bitmapArea,
  bitmapBox,
  bitmapFromLogits,
  bitmapIou,
  createBitmap,
  cropBitmap,
  equalBitmaps,
  intersectBitmaps,
  pasteBitmap,
  subtractBitmaps,
  unionBitmaps,
} from './bitmap';
import { MaskFormatError } from './errors';

const shape = bitmapFromText('.....', '.##..', '..##.');

describe('bitmaps', () => {
  it('refuses sides that are no positive integers', () => {
    expect(() => createBitmap(0, 4)).toThrow(RangeError);
    expect(() => createBitmap(2.5, 4)).toThrow(/2.5 × 4/);
  });

  it('thresholds logits strictly and takes NaN as background', () => {
    const logits = Float32Array.of(-1, 0, 0.5, Number.NaN, 2, -3);
    expect([...bitmapFromLogits(logits, 3, 2).data]).toEqual([0, 0, 1, 0, 1, 0]);
    expect([...bitmapFromLogits(logits, 3, 2, 1).data]).toEqual([0, 0, 0, 0, 1, 0]);
    expect(() => bitmapFromLogits(logits, 4, 2)).toThrow(MaskFormatError);
  });

  it('measures area and box', () => {
    expect(bitmapArea(shape)).toBe(4);
    expect(bitmapBox(shape)).toEqual({ x1: 1, y1: 1, x2: 4, y2: 3 });
    expect(bitmapBox(createBitmap(3, 3))).toBeNull();
  });

  it('agrees with counting pixel by pixel', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const xs: number[] = [];
        const ys: number[] = [];
        bitmap.data.forEach((value, i) => {
          if (value === 0) return;
          xs.push(i % bitmap.width);
          ys.push(Math.floor(i / bitmap.width));
        });
        expect(bitmapArea(bitmap)).toBe(xs.length);
        // A view that does not start on a word takes the path without words.
        const shifted = new Uint8Array(bitmap.data.length + 1).subarray(1);
        shifted.set(bitmap.data);
        expect(bitmapArea({ ...bitmap, data: shifted })).toBe(xs.length);
        expect(bitmapBox(bitmap)).toEqual(
          xs.length === 0
            ? null
            : { x1: Math.min(...xs), y1: Math.min(...ys), x2: Math.max(...xs) + 1, y2: Math.max(...ys) + 1 },
        );
      }),
    );
  });

  it('crops and pastes', () => {
    const part = cropBitmap(shape, { x1: 1.2, y1: 0.5, x2: 2.5, y2: 9 });
    expect(part).toEqual(bitmapFromText('..', '##', '.#'));
    expect(() => cropBitmap(shape, { x1: 5, y1: 0, x2: 9, y2: 3 })).toThrow(RangeError);
    expect(pasteBitmap(createBitmap(3, 2), part, 2, -1)).toEqual(bitmapFromText('..#', '...'));
    expect(pasteBitmap(createBitmap(3, 2), part, -1, 0)).toEqual(bitmapFromText('...', '#..'));
    expect(pasteBitmap(shape, part, 7, 7)).toEqual(shape);
  });

  it('pastes a crop back onto the same pixels', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const box = bitmapBox(bitmap);
        if (box === null) return;
        const back = pasteBitmap(
          createBitmap(bitmap.width, bitmap.height),
          cropBitmap(bitmap, box),
          box.x1,
          box.y1,
        );
        expect(equalBitmaps(back, bitmap)).toBe(true);
      }),
    );
  });

  it('has set operations that agree with areas', () => {
    fc.assert(
      fc.property(twoBitmaps, ([a, b]) => {
        const union = bitmapArea(unionBitmaps(a, b));
        const intersection = bitmapArea(intersectBitmaps(a, b));
        expect(union + intersection).toBe(bitmapArea(a) + bitmapArea(b));
        expect(bitmapArea(subtractBitmaps(a, b))).toBe(bitmapArea(a) - intersection);
        expect(bitmapIou(a, b)).toBe(union === 0 ? 1 : intersection / union);
      }),
    );
  });

  it('refuses masks of different sizes', () => {
    expect(() => bitmapIou(createBitmap(2, 3), createBitmap(3, 2))).toThrow(/2 × 3 and 3 × 2/);
    expect(equalBitmaps(createBitmap(2, 3), createBitmap(3, 2))).toBe(false);
  });
});
