import { describe, expect, it } from 'vitest';
import { dice, sampleIou, summarize } from './metrics';

describe('metrics', () => {
  it('computes Dice', () => {
    expect(dice({ intersection: 2, union: 6 })).toBe(0.5);
    expect(dice({ intersection: 0, union: 0 })).toBe(1);
    expect(dice({ intersection: 0, union: 9 })).toBe(0);
  });

  it('follows each protocol for one sample', () => {
    expect(sampleIou('segzero', { intersection: 3, union: 4 })).toBe(0.75);
    expect(sampleIou('lisa', { intersection: 3, union: 4 })).toBe(3 / 4.00001);
    expect(sampleIou('segzero', { intersection: 0, union: 0 })).toBe(0);
    expect(sampleIou('lisa', { intersection: 0, union: 0 })).toBe(1);
  });

  it('follows each protocol for a data set', () => {
    const samples = [
      { intersection: 1, union: 2 },
      { intersection: 0, union: 0 },
      { intersection: 6, union: 8 },
    ];
    expect(summarize('segzero', samples)).toEqual({ gIoU: (0.5 + 0 + 0.75) / 3, cIoU: 0.7 });
    const lisa = summarize('lisa', samples);
    expect(lisa.gIoU).toBeCloseTo((1 / 2.00001 + 1 + 6 / 8.00001) / 3.00001, 12);
    expect(lisa.cIoU).toBe(7 / (10 + 1e-10));
    expect(summarize('segzero', [])).toEqual({ gIoU: 0, cIoU: 0 });
    expect(summarize('lisa', [])).toEqual({ gIoU: 0, cIoU: 0 });
  });
});
