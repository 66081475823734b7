import { describe, expect, it } from 'vitest';
import { defaultViewConfig } from '../geometry/view';
import { conflictingConvention, defaultConventions, settleConventions, viewConfigOf } from './conventions';

const brief = { coordinates: 'pixel', prompt: 'brief', viewPixels: 28_224 } as const;

describe('conventions of an agent', () => {
  it('are what its file says, then what was asked for, then the defaults', () => {
    expect(settleConventions({}, {})).toEqual(defaultConventions);
    expect(settleConventions(brief, {})).toEqual(brief);
    expect(settleConventions({ prompt: 'brief' }, { coordinates: 'pixel' })).toEqual({
      ...defaultConventions,
      coordinates: 'pixel',
      prompt: 'brief',
    });
    expect(settleConventions(brief, brief)).toEqual(brief);
  });

  it.each([
    [{ coordinates: 'norm1000' }, '--coordinates'],
    [{ prompt: 'full' }, '--prompt'],
    [{ viewPixels: 50_176 }, '--view-pixels'],
  ] as const)('are not overruled: %j', (asked, option) => {
    expect(() => settleConventions(brief, asked)).toThrow(option);
    expect(conflictingConvention(asked, brief)).toBe(Object.keys(asked)[0]);
  });

  it('let an agent that declares nothing take part in any episode', () => {
    expect(conflictingConvention({}, brief)).toBeNull();
    expect(conflictingConvention(brief, brief)).toBeNull();
  });

  it('give the limits of views', () => {
    expect(viewConfigOf(defaultConventions)).toEqual(defaultViewConfig('norm1000'));
    expect(viewConfigOf(brief)).toEqual({ multiple: 28, minPixels: 28_224, maxPixels: 28_224 });
  });
});
