import type { BootstrapOptions, Interval } from './bootstrap';
import { type MetricId, measureDifference } from './metrics';
import type { Sample } from './sample';

/** Below this the IoU of two answers is the same. */
const sameIou = 1e-9;

export interface PairedSample {
  id: string;
  image: string;
  query: string;
  iou_a: number;
  iou_b: number;
}

/** Run `b` against run `a` on the samples that both have. */
export interface Comparison {
  n: number;
  better: number;
  worse: number;
  same: number;
  /** Every metric of `b` minus that of `a`. */
  differences: ReadonlyMap<MetricId, Interval>;
  /** Samples by the size of the difference of their IoU, largest first. */
  largest: PairedSample[];
}

/** Samples of two runs side by side. */
export interface Pairing {
  a: Sample[];
  b: Sample[];
  /** Ids that only one run has. */
  onlyA: string[];
  onlyB: string[];
  /** Ids that both have for something else: another image, query or ground truth. */
  unequal: string[];
}

/** Samples with the same id, in the order of the first run. */
export function pairSamples(first: readonly Sample[], second: readonly Sample[]): Pairing {
  const others = new Map(second.map((sample) => [sample.id, sample]));
  const known = new Set(first.map(({ id }) => id));
  const pairing: Pairing = { a: [], b: [], onlyA: [], onlyB: [], unequal: [] };
  for (const sample of first) {
    const other = others.get(sample.id);
    if (!other) pairing.onlyA.push(sample.id);
    else if (!isSameQuestion(sample, other)) pairing.unequal.push(sample.id);
    else {
      pairing.a.push(sample);
      pairing.b.push(other);
    }
  }
  pairing.onlyB = second.flatMap(({ id }) => (known.has(id) ? [] : [id]));
  return pairing;
}

/** @param largest how many of the largest differences are listed */
export function compareSamples(
  { a, b }: Pick<Pairing, 'a' | 'b'>,
  options: BootstrapOptions & { largest?: number },
): Comparison {
  const differences = measureDifference(a, b, options);
  const pairs = a.map((sample, index) => ({
    id: sample.id,
    image: sample.image,
    query: sample.query,
    iou_a: sample.iou,
    iou_b: b[index]!.iou,
  }));
  const better = pairs.filter((pair) => pair.iou_b - pair.iou_a > sameIou).length;
  const worse = pairs.filter((pair) => pair.iou_a - pair.iou_b > sameIou).length;
  return {
    n: pairs.length,
    better,
    worse,
    same: pairs.length - better - worse,
    differences,
    largest: pairs
      .filter((pair) => sizeOf(pair) > sameIou)
      .sort((x, y) => sizeOf(y) - sizeOf(x))
      .slice(0, options.largest ?? 20),
  };
}

function isSameQuestion(a: Sample, b: Sample): boolean {
  return (
    a.image === b.image && a.query === b.query && a.gt_area === b.gt_area && a.ignore_area === b.ignore_area
  );
}

function sizeOf(pair: PairedSample): number {
  return Math.abs(pair.iou_b - pair.iou_a);
}
