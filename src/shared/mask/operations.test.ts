import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, wholeBitmap } from '../../../tests/support/masks';
import { bitmapArea, intersectBitmaps, subtractBitmaps } from './bitmap';
import { growMask } from './morphology';
import { type MaskOperation, operate, operationPixels } from './operations';
import { encodePlaced } from './placed';
import { decodeMask, mergeRles, type Rle, rleArea } from './rle';
import { splitMask } from './split';

const operations: MaskOperation[] = [
  { kind: 'fill' },
  { kind: 'largest' },
  { kind: 'smooth', amount: 2 },
  { kind: 'grow', amount: 2 },
  { kind: 'shrink', amount: 1 },
];

const areaOf = (rle: Rle | null): number => (rle ? rleArea(rle) : 0);

describe('operations on masks', () => {
  it('say what stays, comes and goes', () => {
    fc.assert(
      fc.property(anyPlaced, fc.constantFrom(...operations), ({ mask, size }, operation) => {
        const before = encodePlaced(mask, size);
        const { masks, areas, areaBefore, changes, stays, comes, goes } = operate(before, operation);
        const [after] = masks;
        expect(areas).toEqual(masks.map(rleArea));
        expect(areaBefore).toBe(rleArea(before));
        if (!after) {
          expect([changes, stays, comes, goes]).toEqual([true, null, null, null]);
          return;
        }
        expect(changes).toBe(after.counts !== before.counts);
        const [old, made] = [decodeMask(before), decodeMask(after)];
        expect(areaOf(stays)).toBe(bitmapArea(intersectBitmaps(old, made)));
        expect(areaOf(comes)).toBe(bitmapArea(subtractBitmaps(made, old)));
        expect(areaOf(goes)).toBe(bitmapArea(subtractBitmaps(old, made)));
      }),
    );
  });

  it('are those of the masks themselves', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const rle = encodePlaced(mask, size);
        expect(operate(rle, { kind: 'split' }).masks).toEqual(
          splitMask(mask).map((part) => encodePlaced(part, size)),
        );
        const grown = growMask(mask, 3, size)!;
        const large = encodePlaced(grown, size);
        expect(operate(rle, { kind: 'grow', amount: 3 }).masks).toEqual([large]);
        expect(operate(rle, { kind: 'join', others: [large] }).masks).toEqual([
          mergeRles([rle, large], 'union'),
        ]);
        expect(operate(rle, { kind: 'subtract', others: [large] })).toMatchObject({
          masks: [],
          changes: true,
        });
        const beside = {
          kind: 'cut',
          line: [
            { x: -5, y: -9 },
            { x: 90, y: -9 },
          ],
        } as const;
        expect(operate(rle, beside)).toMatchObject({ masks: [rle], changes: false });
      }),
    );
  });

  it('cost what they decode, not the image', () => {
    const size = { width: 12_000, height: 12_000 };
    const square = (x: number, y: number): Rle =>
      encodePlaced({ x, y, width: 10, height: 10, data: new Uint8Array(100).fill(1) }, size);
    const [one, far] = [square(5, 5), square(11_000, 11_000)];
    expect(operationPixels(one, { kind: 'fill' })).toBe(100);
    expect(operationPixels(one, { kind: 'subtract', others: [far] })).toBe(200);
    expect(operationPixels(one, { kind: 'join', others: [far] })).toBe(11_005 ** 2);
  });

  it('leave an empty mask alone', () => {
    const empty = encodePlaced(
      { x: 0, y: 0, width: 1, height: 1, data: new Uint8Array(1) },
      { width: 9, height: 7 },
    );
    expect(wholeBitmap(null, { width: 9, height: 7 })).toEqual(decodeMask(empty));
    expect(operate(empty, { kind: 'grow', amount: 2 })).toMatchObject({ masks: [], areaBefore: 0 });
    expect(operationPixels(empty, { kind: 'fill' })).toBe(0);
  });
});
