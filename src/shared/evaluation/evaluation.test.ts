import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { summarize } from '../mask/metrics';
import { bootstrapSums } from './bootstrap';
import { histogramChart, lineChart, niceStep, valueRange } from './charts';
import { compareSamples, pairSamples } from './compare';
import { measure, measureDifference } from './metrics';
import type { Sample } from './sample';
import { iouHistogram, meanIouByTurn, partition, summariseSamples } from './summary';

/** An answered sample of some areas; `ignored` pixels count for segzero alone. */
function sampleOf(id: string, intersection: number, union: number, ignored = 0): Sample {
  const iou = union === 0 ? 1 : intersection / union;
  const counted = {
    lisa: { intersection, union, iou: intersection / (union + 1e-5) + (union === 0 ? 1 : 0) },
    segzero: {
      intersection,
      union: union + ignored,
      iou: union + ignored === 0 ? 0 : intersection / (union + ignored),
    },
  };
  return {
    id,
    image: `${id}.jpg`,
    query: id,
    split: null,
    groups: [],
    error: null,
    status: 'finished',
    iou,
    intersection,
    union,
    gt_area: union,
    ignore_area: ignored,
    dice: union === 0 ? 1 : (2 * intersection) / (union + intersection),
    boundary_f: iou,
    protocols: counted,
    one_shot: counted,
    iou_by_turn: [iou],
    turns: 1,
    invalid_calls: 0,
    ms: 1,
    tokens: null,
  };
}

const samplesArbitrary = fc
  .array(
    fc.tuple(fc.nat(5000), fc.nat(5000), fc.nat(500)).map(([a, b, ignored]) => [Math.min(a, b), b, ignored]),
    { minLength: 1, maxLength: 40 },
  )
  .map((areas) => areas.map(([i = 0, u = 0, ignored = 0], index) => sampleOf(`s${index}`, i, u, ignored)));
const options = { seed: 7, resamples: 60 };

describe('bootstrap of sums', () => {
  it('gives the value of all samples, in an interval that the samples span', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        (values) => {
          const rows = Float64Array.from(values.flatMap((value) => [value, 1]));
          const [mean] = bootstrapSums(rows, 2, ([sum = 0, n = 1]) => [sum / n], options);
          const { value, low, high } = mean ?? { value: null, low: null, high: null };
          if (value === null || low === null || high === null) throw new Error('no interval');
          expect(value).toBeCloseTo(values.reduce((sum, v) => sum + v, 0) / values.length, 12);
          expect(low).toBeLessThanOrEqual(high);
          expect(low).toBeGreaterThanOrEqual(Math.min(...values) - 1e-12);
          expect(high).toBeLessThanOrEqual(Math.max(...values) + 1e-12);
        },
      ),
    );
  });

  it('is the same for the same seed, and narrower with more samples', () => {
    const widthOf = (n: number, seed: number): number => {
      const rows = Float64Array.from({ length: n }, (_, i) => i % 2);
      const [mean] = bootstrapSums(rows, 1, ([sum = 0]) => [sum / n], { seed, resamples: 400 });
      return (mean?.high ?? 0) - (mean?.low ?? 0);
    };
    expect(widthOf(30, 1)).toBe(widthOf(30, 1));
    expect(widthOf(30, 1)).not.toBe(widthOf(31, 1));
    expect(widthOf(1000, 1)).toBeLessThan(widthOf(30, 1) / 3);
  });

  it('holds the true mean about 95 times of 100', () => {
    let state = 1;
    const random = (): number => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    let held = 0;
    for (let trial = 0; trial < 300; trial += 1) {
      const rows = Float64Array.from({ length: 60 }, random);
      const [mean] = bootstrapSums(rows, 1, ([sum = 0]) => [sum / 60], { seed: trial, resamples: 300 });
      if ((mean?.low ?? 1) <= 0.5 && (mean?.high ?? 0) >= 0.5) held += 1;
    }
    expect(held / 300).toBeGreaterThan(0.9);
    expect(held / 300).toBeLessThan(0.99);
  });

  it('says nothing of no samples', () => {
    expect(bootstrapSums(new Float64Array(0), 2, () => [0], options)).toEqual([
      { value: null, low: null, high: null },
    ]);
  });
});

describe('aggregation', () => {
  it('equals the protocols’ own sums, in any order of samples', () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        const { protocols } = summariseSamples(samples, options);
        const again = summariseSamples([...samples].reverse(), options).protocols;
        for (const protocol of ['lisa', 'segzero'] as const) {
          const expected = summarize(
            protocol,
            samples.map((sample) => sample.protocols[protocol] ?? { intersection: 0, union: 0 }),
          );
          expect(protocols[protocol].gIoU.value).toBeCloseTo(expected.gIoU, 10);
          expect(protocols[protocol].cIoU.value).toBeCloseTo(expected.cIoU, 10);
          expect(again[protocol].cIoU.value).toBeCloseTo(expected.cIoU, 10);
        }
      }),
    );
  });

  it('counts for segzero one row a referent', () => {
    const first = sampleOf('a', 1, 2);
    const second = sampleOf('b', 1, 4);
    second.protocols = { ...second.protocols, segzero: null };
    const { protocols } = summariseSamples([first, second], options);
    expect(protocols.segzero).toMatchObject({ n: 1, gIoU: { value: 0.5 } });
    expect(protocols.lisa.n).toBe(2);
  });

  it('puts samples into all their parts, and none that has no name', () => {
    const samples = [sampleOf('a', 1, 2), sampleOf('b', 1, 2)];
    samples[0]!.groups = ['short', 'none', 'short'];
    const sizes = [...partition(samples, ({ groups }) => groups)].map(([name, of]) => [name, of.length]);
    expect(sizes).toEqual([
      ['short', 1],
      ['none', 1],
    ]);
  });

  it('carries on the last IoU of an episode that ended early; a failed one is 0', () => {
    const at = (iou_by_turn: number[]): Sample => ({ ...sampleOf('a', 1, 1), iou_by_turn });
    expect(meanIouByTurn([at([0.2, 0.6, 0.8]), at([0.4]), at([])])).toEqual([
      expect.closeTo(0.2, 12),
      expect.closeTo(1 / 3, 12),
      expect.closeTo(0.4, 12),
    ]);
    expect(meanIouByTurn([])).toEqual([]);
  });

  it('counts every sample in one bar of the histogram', () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        expect(iouHistogram(samples).reduce((sum, count) => sum + count, 0)).toBe(samples.length);
      }),
    );
  });
});

describe('two runs', () => {
  it('differ by the difference of their values, turned around with the sign turned', () => {
    fc.assert(
      fc.property(samplesArbitrary, (samples) => {
        const others = samples.map((sample) =>
          sampleOf(sample.id, Math.floor(sample.intersection / 2), sample.union, sample.ignore_area),
        );
        const there = measureDifference(samples, others, options);
        const back = measureDifference(others, samples, options);
        const [a, b] = [measure(samples, options), measure(others, options)];
        for (const [id, difference] of there) {
          expect(difference.value).toBeCloseTo((b.get(id)?.value ?? 0) - (a.get(id)?.value ?? 0), 12);
          expect(difference.low).toBeCloseTo(-(back.get(id)?.high ?? 9), 12);
        }
      }),
    );
  });

  it('are told apart by sample, and refuse what is not the same question', () => {
    const a = [sampleOf('x', 1, 4), sampleOf('y', 2, 4), sampleOf('z', 4, 4), sampleOf('w', 1, 9)];
    const b = [sampleOf('z', 2, 4), sampleOf('x', 3, 4), sampleOf('y', 2, 4), sampleOf('w', 1, 8)];
    const pairing = pairSamples(a, [...b, sampleOf('new', 1, 1)]);
    expect(pairing).toMatchObject({ onlyA: [], onlyB: ['new'], unequal: ['w'] });
    const { better, worse, same, largest } = compareSamples(pairing, options);
    expect({ better, worse, same }).toEqual({ better: 1, worse: 1, same: 1 });
    expect(largest.map(({ id }) => id).sort()).toEqual(['x', 'z']);
  });
});

describe('plots', () => {
  it('are drawn without samples, and escape what they are called', () => {
    const labels = { title: '<&"', x: 'x', y: 'y' };
    for (const chart of [histogramChart([], labels), lineChart([], labels), histogramChart([0, 0], labels)]) {
      expect(chart).toContain('aria-label="&lt;&amp;&quot;"');
      expect(chart).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  it('have axes around their values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 9 }),
        (values) => {
          const [from, to] = valueRange(values);
          expect(from).toBeLessThanOrEqual(Math.min(...values) + 1e-9);
          expect(to).toBeGreaterThanOrEqual(Math.max(...values) - 1e-9);
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeLessThanOrEqual(1);
          const chart = lineChart(
            [{ name: 'a', points: values.map((y, x) => ({ x, y, low: y, high: y })) }],
            {
              title: 't',
              x: 'x',
              y: 'y',
            },
          );
          expect(chart).not.toMatch(/NaN|Infinity/);
        },
      ),
    );
    expect([niceStep(0.3, 1), niceStep(3, 1), niceStep(0.07, 0.01), niceStep(12, 1)]).toEqual([
      1, 5, 0.1, 20,
    ]);
  });
});
