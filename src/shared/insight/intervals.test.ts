import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { meanOf, medianOf, pairedDifference, shareOf } from './intervals';

describe('shares', () => {
  it("has Wilson's interval", () => {
    // statsmodels.stats.proportion.proportion_confint(8, 10, method='wilson')
    const eight = shareOf(8, 10);
    expect(eight.share).toBe(0.8);
    expect(eight.low).toBeCloseTo(0.4901625, 6);
    expect(eight.high).toBeCloseTo(0.9433178, 6);
    expect(shareOf(0, 10)).toMatchObject({ share: 0, low: 0 });
    expect(shareOf(0, 10).high).toBeCloseTo(0.2775328, 6);
    expect(shareOf(10, 10)).toMatchObject({ share: 1, high: 1 });
    expect(shareOf(0, 0)).toEqual({ count: 0, of: 0, share: null, low: null, high: null });
  });

  it('refuses what is no share', () => {
    expect(() => shareOf(3, 2)).toThrow(RangeError);
    expect(() => shareOf(-1, 2)).toThrow(RangeError);
    expect(() => shareOf(0.5, 2)).toThrow(RangeError);
  });

  it('holds the share, stays inside 0..1 and gets narrower with more cases', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat({ max: 500 }), (of, some) => {
        const count = some % (of + 1);
        const one = shareOf(count, of);
        const ten = shareOf(count * 10, of * 10);
        expect(one.low).toBeGreaterThanOrEqual(0);
        expect(one.high).toBeLessThanOrEqual(1);
        expect(one.low).toBeLessThanOrEqual((one.share ?? 0) + 1e-12);
        expect(one.high).toBeGreaterThanOrEqual((one.share ?? 1) - 1e-12);
        expect((ten.high ?? 0) - (ten.low ?? 0)).toBeLessThan((one.high ?? 0) - (one.low ?? 0));
      }),
    );
  });
});

describe('means', () => {
  it('knows mean and median, and no interval of one value', () => {
    expect(meanOf([1, 2, 6])).toMatchObject({ n: 3, mean: 3, median: 2 });
    expect(meanOf([4])).toEqual({ n: 1, mean: 4, median: 4, low: null, high: null });
    expect(meanOf([])).toEqual({ n: 0, mean: null, median: null, low: null, high: null });
    expect(medianOf([4, 1, 3, 2])).toBe(2.5);
  });

  it('gives values without spread an interval without width', () => {
    expect(meanOf([2, 2, 2])).toMatchObject({ low: 2, high: 2 });
  });

  it('agrees with the normal interval where that one holds, on both sides of the change', () => {
    const values = (n: number): number[] => Array.from({ length: n }, (_, i) => (i % 10) + 1);
    // Values 1..10 alike: standard deviation 2.8723, mean 5.5.
    const resampled = meanOf(values(250));
    expect(resampled.low).toBeCloseTo(5.5 - (1.96 * 2.8723) / Math.sqrt(250), 1);
    expect(resampled.high).toBeCloseTo(5.5 + (1.96 * 2.8723) / Math.sqrt(250), 1);
    const normal = meanOf(values(4000));
    expect(normal.low).toBeCloseTo(5.5 - (1.96 * 2.8723) / Math.sqrt(4000), 3);
  });

  it('holds the mean, lies inside the values and is the same each time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 2, maxLength: 40 }),
        (values) => {
          const { mean, low, high } = meanOf(values, 200);
          expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-9);
          expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-9);
          expect(low).toBeLessThanOrEqual(high ?? 0);
          expect(mean).not.toBeNull();
          expect(meanOf(values, 200)).toEqual(meanOf(values, 200));
        },
      ),
    );
  });

  it('compares pairs, not groups', () => {
    const hard = [9, 2, 7, 4];
    const easier = hard.map((value) => value - 1);
    expect(pairedDifference(easier, hard)).toMatchObject({ mean: -1, low: -1, high: -1 });
    expect(() => pairedDifference([1], [1, 2])).toThrow(RangeError);
  });
});
