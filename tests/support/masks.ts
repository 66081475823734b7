import type { Size } from '@shared/geometry/types';
import { type Bitmap, createBitmap, pasteBitmap } from '@shared/mask/bitmap';
import type { PlacedMask } from '@shared/mask/placed';
import fc from 'fast-check';

/** Masks of 1×1 to 24×24 pixels: noise, all empty, all full, or a few rectangles. */
export const anyBitmap: fc.Arbitrary<Bitmap> = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }))
  .chain(([width, height]) => bitmapOf(width, height));

/** Two masks of the same size. */
export const twoBitmaps: fc.Arbitrary<[Bitmap, Bitmap]> = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }))
  .chain(([width, height]) => fc.tuple(bitmapOf(width, height), bitmapOf(width, height)));

function bitmapOf(width: number, height: number): fc.Arbitrary<Bitmap> {
  const pixels = width * height;
  const noise = fc
    .array(fc.integer({ min: 0, max: 1 }), { minLength: pixels, maxLength: pixels })
    .map((values) => Uint8Array.from(values));
  const uniform = fc.constantFrom(0, 1).map((value) => new Uint8Array(pixels).fill(value));
  const rectangle = fc.tuple(
    fc.integer({ min: 0, max: width - 1 }),
    fc.integer({ min: 0, max: height - 1 }),
    fc.integer({ min: 1, max: width }),
    fc.integer({ min: 1, max: height }),
  );
  const rectangles = fc.array(rectangle, { minLength: 1, maxLength: 4 }).map((list) => {
    const data = new Uint8Array(pixels);
    for (const [x, y, w, h] of list) {
      for (let row = y; row < Math.min(height, y + h); row++) {
        data.fill(1, row * width + x, row * width + Math.min(width, x + w));
      }
    }
    return data;
  });
  return fc
    .oneof(
      { weight: 3, arbitrary: noise },
      { weight: 1, arbitrary: uniform },
      { weight: 4, arbitrary: rectangles },
    )
    .map((data) => ({ width, height, data }));
}

/** A mask drawn in text: '#' is foreground. */
export function bitmapFromText(...rows: string[]): Bitmap {
  const width = rows[0]?.length ?? 0;
  const data = Uint8Array.from(rows.join(''), (character) => (character === '#' ? 1 : 0));
  return { width, height: rows.length, data };
}

/** A mask with a pixel at least, at some place of an image that it fits into, which may be larger or just as large. */
export const anyPlaced: fc.Arbitrary<{ mask: PlacedMask; size: Size }> = fc
  .tuple(
    anyBitmap.filter((bitmap) => bitmap.data.includes(1)),
    fc.record({ left: margin(), top: margin(), right: margin(), bottom: margin() }),
  )
  .map(([bitmap, { left, top, right, bottom }]) => ({
    mask: { x: left, y: top, ...bitmap },
    size: { width: left + bitmap.width + right, height: top + bitmap.height + bottom },
  }));

function margin(): fc.Arbitrary<number> {
  return fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 9 }));
}

/** The whole image's mask. */
export function wholeBitmap(mask: PlacedMask | null, size: Size): Bitmap {
  const empty = createBitmap(size.width, size.height);
  return mask ? pasteBitmap(empty, mask, mask.x, mask.y) : empty;
}
