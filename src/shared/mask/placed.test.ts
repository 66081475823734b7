import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, wholeBitmap } from '../../../tests/support/masks';
import { bitmapIntersectionUnion, equalBitmaps, subtractBitmaps, unionBitmaps } from './bitmap';
import {
  decodePlaced,
  encodePlaced,
  moveToImage,
  placedBox,
  placedIntersectionUnion,
  reframePlaced,
  subtractPlaced,
  trimPlaced,
  unionPlaced,
} from './placed';
import { decodeMask, encodeMask, rleArea } from './rle';

/** Two masks of one image. */
const pair = fc.tuple(anyPlaced, anyPlaced).map(([a, b]) => ({
  a: a.mask,
  b: b.mask,
  size: {
    width: Math.max(a.size.width, b.size.width),
    height: Math.max(a.size.height, b.size.height),
  },
}));

describe('placed masks', () => {
  it('are encoded like the whole image, and read back', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const rle = encodePlaced(mask, size);
        expect(rle).toEqual(encodeMask(wholeBitmap(mask, size)));
        const again = decodePlaced(rle);
        expect(again).toEqual(trimPlaced(mask));
      }),
    );
  });

  it('are joined and taken away like whole masks', () => {
    fc.assert(
      fc.property(pair, ({ a, b, size }) => {
        const [wholeA, wholeB] = [wholeBitmap(a, size), wholeBitmap(b, size)];
        expect(wholeBitmap(unionPlaced([a, b]), size)).toEqual(unionBitmaps(wholeA, wholeB));
        const left = subtractPlaced(a, [b]);
        expect(wholeBitmap(left, size)).toEqual(subtractBitmaps(wholeA, wholeB));
        expect(placedIntersectionUnion(left, b).intersection).toBe(0);
        expect(placedIntersectionUnion(a, b)).toEqual(bitmapIntersectionUnion(wholeA, wholeB));
      }),
    );
  });

  it('keep their pixels in a larger frame and lose those outside of a smaller one', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const framed = reframePlaced(mask, { x1: 0, y1: 0, x2: size.width, y2: size.height });
        expect(equalBitmaps(framed, wholeBitmap(mask, size))).toBe(true);
        expect(reframePlaced(framed, placedBox(mask))).toEqual(mask);
      }),
    );
  });

  it('are clipped to an image that is smaller, and say by how much', () => {
    fc.assert(
      fc.property(
        anyPlaced,
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        (one, w, h) => {
          const rle = encodePlaced(one.mask, one.size);
          const moved = moveToImage(rle, { width: w, height: h });
          const before = decodeMask(rle);
          let kept = 0;
          for (let y = 0; y < Math.min(h, before.height); y++) {
            for (let x = 0; x < Math.min(w, before.width); x++) kept += before.data[y * before.width + x]!;
          }
          if (moved === null) {
            expect(kept).toBe(0);
            return;
          }
          expect(moved.mask.size).toEqual([h, w]);
          expect(rleArea(moved.mask)).toBe(kept);
          expect(moved.clipped).toBe(rleArea(rle) - kept);
        },
      ),
    );
  });
});
