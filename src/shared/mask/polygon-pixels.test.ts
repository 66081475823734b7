import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText } from '../../../tests/support/masks';
import { equalBitmaps } from './bitmap';
import { fillPolygonsOpenCv, maskToPixelRings, maskToPolygons, polygonsToMask } from './polygon';

describe('outlines through pixels', () => {
  it('list corner pixels, and a single pixel as one point', () => {
    expect(maskToPixelRings(bitmapFromText('....', '.###', '.###'))).toEqual([
      { outer: [1, 1, 3, 1, 3, 2, 1, 2], holes: [] },
    ]);
    expect(maskToPixelRings(bitmapFromText('...', '.#.'))).toEqual([{ outer: [1, 1], holes: [] }]);
    expect(maskToPixelRings(bitmapFromText('#..', '.#.', '..#'))).toEqual([
      { outer: [0, 0, 2, 2], holes: [] },
    ]);
  });

  it('give the mask back exactly when they are drawn with their holes', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const rings = maskToPixelRings(bitmap).flatMap(({ outer, holes }) => [outer, ...holes]);
        expect(equalBitmaps(fillPolygonsOpenCv(rings, bitmap), bitmap)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it('give the mask with its holes filled when only the outer ring is drawn', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        for (const [index, part] of maskToPolygons(bitmap).entries()) {
          const filled = polygonsToMask([{ outer: part.outer, holes: [] }], bitmap);
          const ring = maskToPixelRings(bitmap)[index]?.outer ?? [];
          expect(equalBitmaps(fillPolygonsOpenCv([ring], bitmap), filled)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
