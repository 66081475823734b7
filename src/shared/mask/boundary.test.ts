import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitmapFromText, twoBitmaps } from '../../../tests/support/masks';
import { createBitmap, equalBitmaps } from './bitmap';
import { boundaryF } from './boundary';

describe('boundary F', () => {
  const square = bitmapFromText('......', '.##...', '.##...', '......', '......', '......');

  it('compares boundaries within the tolerance', () => {
    const moved = bitmapFromText('......', '..##..', '..##..', '......', '......', '......');
    expect(boundaryF(square, square)).toBe(1);
    expect(boundaryF(moved, square, 1)).toBe(1);
    // A fraction of the diagonal, rounded up to one pixel.
    expect(boundaryF(moved, square, 0.0001)).toBe(1);
    const far = bitmapFromText('......', '......', '......', '......', '.....#', '......');
    expect(boundaryF(far, square, 1)).toBeLessThan(0.5);
  });

  it('gives 1 for two masks without boundary and 0 for one', () => {
    const empty = createBitmap(6, 6);
    expect(boundaryF(empty, empty)).toBe(1);
    expect(boundaryF(empty, square)).toBe(0);
    expect(boundaryF(square, empty)).toBe(0);
    expect(() => boundaryF(square, createBitmap(5, 6))).toThrow(RangeError);
  });

  it('agrees with its definition', () => {
    fc.assert(
      fc.property(twoBitmaps, fc.integer({ min: 1, max: 4 }), ([a, b], radius) => {
        const edge = ({ width, height, data }: typeof a): [number, number][] => {
          const at = (x: number, y: number) => data[Math.min(y, height - 1) * width + Math.min(x, width - 1)];
          const points: [number, number][] = [];
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              const here = at(x, y);
              if (here !== at(x + 1, y) || here !== at(x, y + 1) || here !== at(x + 1, y + 1))
                points.push([x, y]);
            }
          }
          return points;
        };
        const [ea, eb] = [edge(a), edge(b)];
        const share = (of: [number, number][], near: [number, number][]) =>
          of.length === 0
            ? 1
            : of.filter(([x, y]) => near.some(([u, v]) => (x - u) ** 2 + (y - v) ** 2 <= radius ** 2))
                .length / of.length;
        const [precision, recall] = [share(ea, eb), share(eb, ea)];
        const expected = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
        expect(boundaryF(a, b, radius)).toBeCloseTo(expected, 12);
        if (equalBitmaps(a, b)) expect(expected).toBe(1);
      }),
    );
  });
});
