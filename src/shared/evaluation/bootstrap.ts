import { quantile } from '../insight/intervals';
import { seededRandom } from '../random';

/** A measured value with its 95 % interval; all null without samples. */
export interface Interval {
  value: number | null;
  low: number | null;
  high: number | null;
}

export const noInterval: Interval = { value: null, low: null, high: null };

export interface BootstrapOptions {
  seed: number;
  /** Default 1000. */
  resamples?: number;
}

/**
 * Values that are made of sums over samples, each with its percentile bootstrap interval (B. Efron, 1979): whole samples
 * are drawn with replacement, so that what belongs to one sample stays together. The same seed gives the same interval.
 *
 * @param rows row-major, `width` numbers a sample
 * @param valuesOf the values from the column sums over some samples
 */
export function bootstrapSums(
  rows: Float64Array,
  width: number,
  valuesOf: (sums: Float64Array) => readonly number[],
  { seed, resamples = 1000 }: BootstrapOptions,
): Interval[] {
  const count = rows.length / width;
  if (!Number.isInteger(count)) throw new RangeError(`Not rows of ${width}: ${rows.length} numbers`);
  const sums = new Float64Array(width);
  const add = (row: number): void => {
    const start = row * width;
    for (let column = 0; column < width; column++) sums[column]! += rows[start + column]!;
  };
  for (let row = 0; row < count; row++) add(row);
  const values = [...valuesOf(sums)];
  if (count === 0) return values.map(() => noInterval);
  const drawn = values.map(() => new Float64Array(resamples));
  const random = seededRandom(seed);
  for (let resample = 0; resample < resamples; resample++) {
    sums.fill(0);
    for (let i = 0; i < count; i++) add(Math.floor(random() * count));
    const again = valuesOf(sums);
    for (const [index, list] of drawn.entries()) list[resample] = again[index]!;
  }
  return values.map((value, index) => {
    const sorted = drawn[index]!.sort();
    return { value, low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
  });
}
