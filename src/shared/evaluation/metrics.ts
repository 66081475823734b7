import { cIoUOf, gIoUOf, type Protocol, protocols } from '../mask/metrics';
import { type BootstrapOptions, bootstrapSums, type Interval } from './bootstrap';
import type { Sample } from './sample';

/** IoU from which on a sample is found, for the precisions. */
export const precisionThresholds = [0.5, 0.7, 0.9] as const;

/** A value over samples: two numbers of each are summed, and it is made of the two sums. */
export interface Metric {
  id: MetricId;
  /** Numerator and denominator of a sample. */
  parts(sample: Sample): readonly [number, number];
  combine(numerator: number, denominator: number): number;
}

export type Answer = 'protocols' | 'one_shot';
export type MetricId =
  | `${Answer}.${Protocol}.${'gIoU' | 'cIoU'}`
  | `precision.${(typeof precisionThresholds)[number]}`
  | 'dice'
  | 'boundary_f';

const share = (numerator: number, denominator: number): number =>
  denominator > 0 ? numerator / denominator : 0;

const overlapMetrics = (answer: Answer, protocol: Protocol): Metric[] => [
  {
    id: `${answer}.${protocol}.gIoU`,
    parts: (sample) => {
      const counted = sample[answer][protocol];
      return counted ? [counted.iou, 1] : [0, 0];
    },
    combine: (ious, count) => gIoUOf(protocol, ious, count),
  },
  {
    id: `${answer}.${protocol}.cIoU`,
    parts: (sample) => {
      const counted = sample[answer][protocol];
      return counted ? [counted.intersection, counted.union] : [0, 0];
    },
    combine: (intersections, unions) => cIoUOf(protocol, intersections, unions),
  },
];

/** All that is measured with an interval. */
export const metrics: readonly Metric[] = [
  ...protocols.flatMap((protocol) => overlapMetrics('protocols', protocol)),
  ...protocols.flatMap((protocol) => overlapMetrics('one_shot', protocol)),
  ...precisionThresholds.map(
    (threshold): Metric => ({
      id: `precision.${threshold}`,
      parts: (sample) => [sample.iou >= threshold ? 1 : 0, 1],
      combine: share,
    }),
  ),
  { id: 'dice', parts: (sample) => [sample.dice, 1], combine: share },
  { id: 'boundary_f', parts: (sample) => [sample.boundary_f, 1], combine: share },
];

const width = metrics.length * 2;

/** Every metric over some samples, with intervals; all null without samples. */
export function measure(samples: readonly Sample[], options: BootstrapOptions): Map<MetricId, Interval> {
  const rows = new Float64Array(samples.length * width);
  samples.forEach((sample, index) => {
    putParts(rows, index * width, sample);
  });
  return named(bootstrapSums(rows, width, (sums) => valuesAt(sums, 0), options));
}

/**
 * Every metric of `b` minus that of `a`, with intervals: pairs are drawn, so what makes a sample hard for both does not
 * widen them. Throws RangeError for lists of different lengths.
 */
export function measureDifference(
  a: readonly Sample[],
  b: readonly Sample[],
  options: BootstrapOptions,
): Map<MetricId, Interval> {
  if (a.length !== b.length) throw new RangeError(`Not pairs: ${a.length} and ${b.length} samples`);
  const rows = new Float64Array(a.length * width * 2);
  a.forEach((sample, index) => {
    putParts(rows, index * width * 2, sample);
    putParts(rows, index * width * 2 + width, b[index]!);
  });
  const difference = (sums: Float64Array): number[] => {
    const before = valuesAt(sums, 0);
    return valuesAt(sums, width).map((value, index) => value - before[index]!);
  };
  return named(bootstrapSums(rows, width * 2, difference, options));
}

function putParts(rows: Float64Array, start: number, sample: Sample): void {
  metrics.forEach(({ parts }, index) => {
    const [numerator, denominator] = parts(sample);
    rows[start + index * 2] = numerator;
    rows[start + index * 2 + 1] = denominator;
  });
}

function valuesAt(sums: Float64Array, start: number): number[] {
  return metrics.map(({ combine }, index) => combine(sums[start + index * 2]!, sums[start + index * 2 + 1]!));
}

function named(intervals: readonly Interval[]): Map<MetricId, Interval> {
  return new Map(metrics.map(({ id }, index) => [id, intervals[index]!]));
}
