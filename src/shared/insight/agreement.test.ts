import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bitmap } from '../mask/bitmap';
import { boundaryF } from '../mask/boundary';
import { encodeMask, rleIou } from '../mask/rle';
import { agree, boundaryFOf, classKey, type LabelledMask, matchImages } from './agreement';

const width = 40;
const height = 30;

function boxBitmap(x: number, y: number, w: number, h: number): Bitmap {
  const data = new Uint8Array(width * height);
  for (let row = y; row < Math.min(height, y + h); row++) {
    data.fill(1, row * width + x, row * width + Math.min(width, x + w));
  }
  return { width, height, data };
}
const box = (
  [x, y, w, h]: readonly [number, number, number, number],
  className = 'cup',
  isCrowd = false,
): LabelledMask => ({ mask: encodeMask(boxBitmap(x, y, w, h)), className, isCrowd });

describe('matching', () => {
  it('pairs the highest IoU first, one to one', () => {
    const gold = [box([0, 0, 10, 10]), box([4, 0, 10, 10])];
    // 9/11 with the first and 7/13 with the second; and exactly the first.
    const ours = [box([1, 0, 10, 10]), box([0, 0, 10, 10])];
    const { matched, missed, extra } = agree(gold, ours, 0.5);
    expect(matched.map((pair) => [gold.indexOf(pair.gold), ours.indexOf(pair.ours), pair.iou])).toEqual([
      [0, 1, 1],
      [1, 0, 7 / 13],
    ]);
    expect([missed, extra]).toEqual([[], []]);
  });

  it('takes the same place with another class for a confusion, after all of the same class', () => {
    const gold = [box([0, 0, 10, 10], 'cup'), box([20, 0, 10, 10], 'bus')];
    const ours = [box([0, 0, 10, 10], 'bus'), box([0, 0, 10, 8], 'cup'), box([20, 0, 10, 10], 'cup')];
    const { matched, confused, extra } = agree(gold, ours, 0.5);
    expect(matched.map(({ iou }) => iou)).toEqual([0.8]);
    expect(confused.map((pair) => [pair.gold.className, pair.ours.className])).toEqual([['bus', 'cup']]);
    expect(extra).toEqual([ours[0]]);
  });

  it('counts neither crowds nor what lies on them, as long as the class is the same', () => {
    const crowd = box([0, 0, 20, 20], 'cup', true);
    const on = box([2, 2, 4, 4], 'cup');
    const other = box([10, 10, 4, 4], 'bus');
    const beside = box([18, 0, 10, 4], 'cup');
    const { extra, missed, ignored } = agree([crowd], [on, other, beside], 0.5);
    expect(extra).toEqual([other, beside]);
    expect(missed).toEqual([]);
    expect(ignored).toEqual([crowd, on]);
  });

  it('uses every mask once and pairs nothing below the threshold', () => {
    const area = fc.tuple(
      fc.integer({ min: 0, max: 30 }),
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 10 }),
    );
    const masks = fc.array(fc.tuple(area, fc.constantFrom('cup', 'bus')), { maxLength: 6 });
    fc.assert(
      fc.property(masks, masks, fc.double({ min: 0.1, max: 0.9, noNaN: true }), (a, b, threshold) => {
        const gold = a.map(([place, name]) => box(place, name));
        const ours = b.map(([place, name]) => box(place, name));
        const { matched, confused, missed, extra } = agree(gold, ours, threshold);
        const pairs = [...matched, ...confused];
        expect(new Set([...pairs.map((pair) => pair.gold), ...missed])).toEqual(new Set(gold));
        expect(new Set([...pairs.map((pair) => pair.ours), ...extra])).toEqual(new Set(ours));
        expect(pairs.length + missed.length).toBe(gold.length);
        expect(pairs.length + extra.length).toBe(ours.length);
        for (const pair of pairs) expect(pair.iou).toBeGreaterThanOrEqual(threshold);
        // Nothing that could be paired is left over.
        for (const one of missed) {
          for (const other of extra) expect(rleIou(other.mask, one.mask)).toBeLessThan(threshold);
        }
      }),
    );
  });
});

describe('the boundary measure of two placed masks', () => {
  it('is that of the whole masks', () => {
    const side = fc.integer({ min: 0, max: 39 });
    const place = fc.tuple(side, fc.integer({ min: 0, max: 29 }), side, fc.integer({ min: 0, max: 30 }));
    fc.assert(
      fc.property(place, place, (a, b) => {
        const [one, other] = [boxBitmap(...a), boxBitmap(...b)];
        expect(boundaryFOf(encodeMask(one), encodeMask(other))).toBeCloseTo(boundaryF(one, other), 12);
      }),
    );
  });
});

describe('images', () => {
  const image = (name: string, w = 640, h = 480) => ({ name, width: w, height: h });

  it('are found by their whole name, by their file name, and then by their size', () => {
    const ours = [
      image('a/1.jpg'),
      image('b/1.jpg'),
      image('c/2.jpg'),
      image('d/3.jpg'),
      image('e/3.jpg', 10, 10),
    ];
    const gold = [
      image('b\\1.jpg'),
      image('1.jpg'),
      image('train/2.jpg'),
      image('2.jpg'),
      image('3.jpg'),
      image('c/2.jpg', 1, 1),
      image('x.jpg'),
    ];
    const { pairs, unknown, otherSize, ambiguous } = matchImages(gold, ours);
    expect(pairs.map((pair) => [pair.gold.name, pair.ours.name])).toEqual([
      ['b\\1.jpg', 'b/1.jpg'],
      ['train/2.jpg', 'c/2.jpg'],
      ['3.jpg', 'd/3.jpg'],
    ]);
    expect(ambiguous.map(({ name }) => name)).toEqual(['1.jpg', '2.jpg']);
    expect(otherSize.map(({ name }) => name)).toEqual(['c/2.jpg']);
    expect(unknown.map(({ name }) => name)).toEqual(['x.jpg']);
  });

  it('have classes whose names differ in nothing that is seen', () => {
    expect(classKey(' Café ')).toBe(classKey('cafe\u0301'));
  });
});
