import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText, twoBitmaps } from '../../../tests/support/masks';
import {
  bitmapArea,
  bitmapBox,
  createBitmap,
  cropBitmap,
  equalBitmaps,
  intersectBitmaps,
  subtractBitmaps,
  unionBitmaps,
} from './bitmap';
import {
  compressCounts,
  cropRle,
  decodeMask,
  decompressCounts,
  emptyRle,
  encodeMask,
  fromUncompressed,
  isEmptyRle,
  MaskFormatError,
  mergeRles,
  type Rle,
  rleArea,
  rleBbox,
  rleBox,
  rleIntersectionUnion,
  rleIou,
  rleSchema,
  subtractRle,
  toUncompressed,
} from './rle';

const full = (width: number, height: number) => ({
  width,
  height,
  data: new Uint8Array(width * height).fill(1),
});

/** The encoder as its definition reads: pixel by pixel, down the columns. */
function plainCounts({ width, height, data }: { width: number; height: number; data: Uint8Array }): number[] {
  const counts: number[] = [];
  let value = 0;
  let run = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++) {
      if (data[y * width + x] !== value) {
        counts.push(run);
        run = 0;
        value ^= 1;
      }
      run++;
    }
  }
  return [...counts, run];
}

describe('run-length encoding', () => {
  it('gives the golden strings', () => {
    const mask = bitmapFromText('#.#.', '....', '.#..');
    expect(encodeMask(mask)).toEqual({ size: [3, 4], counts: '01411' });
    expect(encodeMask(createBitmap(4, 3)).counts).toBe('<');
    expect(encodeMask(full(4, 3)).counts).toBe('0<');
    expect(emptyRle([3, 4])).toEqual({ size: [3, 4], counts: '<' });
  });

  it('encodes as defined and decodes to the same pixels', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const rle = encodeMask(bitmap);
        expect([...decompressCounts(rle)]).toEqual(plainCounts(bitmap));
        expect(rleSchema.safeParse(rle).success).toBe(true);
        expect(equalBitmaps(decodeMask(rle), bitmap)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  it('encodes data that does not start on a word', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const shifted = new Uint8Array(bitmap.data.length + 3).subarray(3);
        shifted.set(bitmap.data);
        expect(encodeMask({ ...bitmap, data: shifted })).toEqual(encodeMask(bitmap));
      }),
    );
  });

  it('keeps counts of any size through compression', () => {
    const count = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 40_000_000 }));
    fc.assert(
      fc.property(fc.array(count, { minLength: 1, maxLength: 40 }), (counts) => {
        const total = counts.reduce((sum, value) => sum + value, 0);
        fc.pre(total > 0);
        const rle: Rle = { size: [total, 1], counts: compressCounts(counts) };
        expect([...decompressCounts(rle)]).toEqual(counts);
        expect(fromUncompressed({ size: [total, 1], counts })).toEqual(rle);
        expect(toUncompressed(rle)).toEqual({ size: [total, 1], counts });
      }),
    );
  });

  it('keeps a string of more than one buffer', () => {
    const counts = Array.from({ length: 30_000 }, (_, i) => 1 + ((i * 7919) % 1000));
    const total = counts.reduce((sum, value) => sum + value, 0);
    expect([...decompressCounts({ size: [total, 1], counts: compressCounts(counts) })]).toEqual(counts);
  });
});

describe('malformed encodings', () => {
  const cases: [name: string, rle: Rle, message: RegExp][] = [
    ['a sum that is too small', { size: [3, 4], counts: '1' }, /add up to 1 pixels.*has 12/],
    ['swapped sides', { size: [4, 4], counts: '<' }, /add up to 12/],
    ['no counts', { size: [3, 4], counts: '' }, /add up to 0/],
    ['a bad character', { size: [3, 4], counts: '4!8' }, /Character 1 .*"!"/],
    ['a character after "o"', { size: [3, 4], counts: 'p' }, /Character 0/],
    ['an end inside a number', { size: [3, 4], counts: '4Q' }, /middle of a number/],
    ['a negative run', { size: [3, 4], counts: 'O' }, /Run 0 .* -1 pixels/],
    ['a run longer than the mask', { size: [3, 4], counts: '0=' }, /Run 1 .* 13 pixels/],
    ['a number of too many groups', { size: [3, 4], counts: 'PPPPPPPPP0' }, /more than 32 bits/],
    ['an empty size', { size: [0, 4], counts: '0' }, /positive integers/],
    ['a size beyond 32 bits', { size: [65_536, 65_536], counts: '0' }, /below 2³¹/],
  ];
  it.each(cases)('refuses %s', (_name, rle, message) => {
    for (const read of [decodeMask, rleArea, rleBbox, decompressCounts]) {
      expect(() => read(rle)).toThrow(MaskFormatError);
      expect(() => read(rle)).toThrow(message);
    }
  });

  it('never fails in another way, and never hangs, on any text', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.integer({ min: 1, max: 9 }), (counts, side) => {
        try {
          expect(decodeMask({ size: [side, side], counts }).data.length).toBe(side * side);
        } catch (error) {
          expect(error).toBeInstanceOf(MaskFormatError);
        }
      }),
    );
  });

  it('refuses uncompressed runs that describe no mask', () => {
    expect(() => fromUncompressed({ size: [3, 4], counts: [4, -1, 9] })).toThrow(/Run 1 .* -1/);
    expect(() => fromUncompressed({ size: [3, 4], counts: [4, 1.5, 6.5] })).toThrow(MaskFormatError);
    expect(() => fromUncompressed({ size: [3, 4], counts: [4, 4] })).toThrow(/add up to 8/);
  });

  it('refuses data of the wrong length and masks of different sizes', () => {
    expect(() => encodeMask({ width: 3, height: 4, data: new Uint8Array(11) })).toThrow(MaskFormatError);
    const a = emptyRle([3, 4]);
    const b = emptyRle([4, 3]);
    expect(() => rleIou(a, b)).toThrow(/\[3, 4\] and \[4, 3\]/);
    expect(() => mergeRles([a, b], 'union')).toThrow(MaskFormatError);
    expect(() => subtractRle(a, b)).toThrow(MaskFormatError);
    expect(() => mergeRles([], 'union')).toThrow(MaskFormatError);
  });

  it('has a schema for shape and characters', () => {
    expect(rleSchema.safeParse({ size: [3, 4], counts: '4!8' }).success).toBe(false);
    expect(rleSchema.safeParse({ size: [3, 0], counts: '4' }).success).toBe(false);
    expect(rleSchema.safeParse({ size: [3], counts: '4' }).success).toBe(false);
    expect(rleSchema.safeParse({ size: [3, 4], counts: '' }).success).toBe(false);
  });
});

describe('operations on runs', () => {
  it('agree with the same operations on pixels', () => {
    fc.assert(
      fc.property(twoBitmaps, ([a, b]) => {
        const [rleA, rleB] = [encodeMask(a), encodeMask(b)];
        expect(mergeRles([rleA, rleB], 'union')).toEqual(encodeMask(unionBitmaps(a, b)));
        expect(mergeRles([rleA, rleB], 'intersection')).toEqual(encodeMask(intersectBitmaps(a, b)));
        expect(subtractRle(rleA, rleB)).toEqual(encodeMask(subtractBitmaps(a, b)));
        const intersection = bitmapArea(intersectBitmaps(a, b));
        const union = bitmapArea(unionBitmaps(a, b));
        expect(rleIntersectionUnion(rleA, rleB)).toEqual({ intersection, union });
        expect(rleIou(rleA, rleB)).toBe(intersection === 0 ? 0 : intersection / union);
        expect(rleIou(rleA, rleB, true)).toBe(intersection === 0 ? 0 : intersection / bitmapArea(a));
        expect(rleArea(rleA)).toBe(bitmapArea(a));
        expect(isEmptyRle(rleA)).toBe(bitmapArea(a) === 0);
      }),
      { numRuns: 250 },
    );
  });

  it('obey the laws of sets', () => {
    fc.assert(
      fc.property(twoBitmaps, ([bitmapA, bitmapB]) => {
        const [a, b] = [encodeMask(bitmapA), encodeMask(bitmapB)];
        const empty = emptyRle(a.size);
        expect(mergeRles([a, b], 'union')).toEqual(mergeRles([b, a], 'union'));
        expect(mergeRles([a, a], 'intersection')).toEqual(a);
        expect(mergeRles([a, empty], 'union')).toEqual(a);
        expect(mergeRles([a, empty], 'intersection')).toEqual(empty);
        expect(subtractRle(a, a)).toEqual(empty);
        expect(mergeRles([subtractRle(a, b), mergeRles([a, b], 'intersection')], 'union')).toEqual(a);
        expect(mergeRles([a], 'union')).toEqual(a);
      }),
    );
  });

  it('crop to the same pixels as bitmaps', () => {
    const side = fc.integer({ min: -3, max: 27 });
    fc.assert(
      fc.property(anyBitmap, side, side, side, side, (bitmap, x1, y1, x2, y2) => {
        const box = { x1, y1, x2, y2 };
        let expected: Rle | null = null;
        try {
          expected = encodeMask(cropBitmap(bitmap, box));
        } catch {
          expect(() => cropRle(encodeMask(bitmap), box)).toThrow(RangeError);
        }
        if (expected !== null) expect(cropRle(encodeMask(bitmap), box)).toEqual(expected);
      }),
      { numRuns: 250 },
    );
  });

  it('give boxes by the rules of COCO', () => {
    expect(rleBbox(emptyRle([3, 4]))).toEqual([0, 0, 0, 0]);
    expect(rleBox(emptyRle([3, 4]))).toBeNull();
    expect(rleBbox(encodeMask(full(4, 3)))).toEqual([0, 0, 4, 3]);
    // One run over the end of a column: the box has the full height although its rows are 2 and 0 only.
    const crossing = fromUncompressed({ size: [3, 4], counts: [2, 2, 8] });
    expect(rleBbox(crossing)).toEqual([0, 0, 2, 3]);
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const exact = bitmapBox(bitmap);
        const box = rleBox(encodeMask(bitmap));
        if (exact === null) {
          expect(box).toBeNull();
          return;
        }
        expect([box?.x1, box?.x2]).toEqual([exact.x1, exact.x2]);
        const crosses = plainCounts(bitmap).some((count, i, all) => {
          const start = all.slice(0, i).reduce((sum, value) => sum + value, 0);
          return i % 2 === 1 && (start % bitmap.height) + count > bitmap.height;
        });
        const rows = crosses ? [0, bitmap.height] : [exact.y1, exact.y2];
        expect([box?.y1, box?.y2]).toEqual(rows);
      }),
    );
  });

  it('accept runs of length 0, as other writers leave them', () => {
    const odd = fromUncompressed({ size: [3, 4], counts: [3, 2, 0, 2, 5, 0] });
    const plain = fromUncompressed({ size: [3, 4], counts: [3, 4, 5] });
    expect(rleArea(odd)).toBe(4);
    expect(rleBbox(odd)).toEqual([1, 0, 2, 3]);
    expect(decodeMask(odd)).toEqual(decodeMask(plain));
    expect(mergeRles([odd, emptyRle([3, 4])], 'union')).toEqual(plain);
    expect(rleIou(odd, plain)).toBe(1);
    expect(cropRle(odd, { x1: 0, y1: 0, x2: 4, y2: 3 })).toEqual(plain);
  });
});
