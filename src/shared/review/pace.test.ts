import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { idleMilliseconds, paceOf } from './pace';

const seconds = (...times: number[]): number[] => times.map((time) => time * 1000);

describe('pace of decisions', () => {
  it('is not known from one decision', () => {
    expect(paceOf([])).toEqual({ decisions: 0, perHour: null });
    expect(paceOf([5])).toEqual({ decisions: 1, perHour: null });
  });

  it('leaves pauses out', () => {
    // Four in 10-second steps, an hour's break, four more.
    const times = seconds(0, 10, 20, 30, 3630, 3640, 3650, 3660);
    expect(paceOf(times)).toEqual({ decisions: 8, perHour: 360 });
  });

  it('counts what was accepted at once as decisions, not as speed', () => {
    const many = Array.from({ length: 500 }, (_, index) => 20_000 + index * 0.2);
    const { decisions, perHour } = paceOf([...seconds(0, 10), ...many, 30_100]);
    expect(decisions).toBe(503);
    expect(perHour).toBeCloseTo(3 / (30 / 3600), 0);
  });

  it('is the same however long the pauses are', () => {
    const gaps = fc.array(fc.integer({ min: 200, max: 100_000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        gaps,
        fc.nat(30),
        fc.integer({ min: idleMilliseconds + 1, max: 10 ** 8 }),
        (list, at, pause) => {
          const times = (pauses: Map<number, number>): number[] => {
            let now = 0;
            return [0, ...list.map((gap, index) => (now += gap + (pauses.get(index) ?? 0)))];
          };
          const place = at % list.length;
          const withPause = paceOf(times(new Map([[place, pause]])));
          const rest = list.filter((_, index) => index !== place);
          const sum = rest.reduce((total, gap) => total + gap, 0);
          expect(withPause.decisions).toBe(list.length + 1);
          if (rest.length === 0) expect(withPause.perHour).toBeNull();
          else expect(withPause.perHour).toBeCloseTo((rest.length * 3_600_000) / sum, 6);
        },
      ),
    );
  });
});
