import { seededRandom } from '../random';

/** Numbers with an honest width: a share or a mean of few cases says little, and its interval shows it. */

/** z of a two-sided 95 % interval of the normal distribution. */
const z95 = 1.959963984540054;

/** A share with its 95 % interval, each 0..1; null where there is nothing to share. */
export interface Share {
  count: number;
  of: number;
  share: number | null;
  low: number | null;
  high: number | null;
}

/**
 * `count` of `of` with the score interval of E. B. Wilson (1927), which stays inside 0..1 and is sensible for few cases.
 * Throws RangeError unless 0 ≤ count ≤ of, both whole.
 */
export function shareOf(count: number, of: number): Share {
  if (!Number.isInteger(count) || !Number.isInteger(of) || count < 0 || count > of) {
    throw new RangeError(`Not a share: ${count} of ${of}`);
  }
  if (of === 0) return { count, of, share: null, low: null, high: null };
  const p = count / of;
  const denominator = 1 + z95 ** 2 / of;
  const center = (p + z95 ** 2 / (2 * of)) / denominator;
  const half = (z95 * Math.sqrt((p * (1 - p)) / of + z95 ** 2 / (4 * of ** 2))) / denominator;
  // Where every case is alike one end is exact, but for rounding.
  return {
    count,
    of,
    share: p,
    low: count === 0 ? 0 : Math.max(0, center - half),
    high: count === of ? 1 : Math.min(1, center + half),
  };
}

/** A mean and median with the mean's 95 % interval; all null without values, the interval also for a single one. */
export interface Mean {
  n: number;
  mean: number | null;
  median: number | null;
  low: number | null;
  high: number | null;
}

/** Above this many values the interval is the normal one: resampling would give the same and take long. */
const bootstrapUpTo = 250;
const defaultResamples = 1000;

/**
 * Mean and median of finite numbers. The interval is the percentile bootstrap (B. Efron, 1979) with a fixed seed, so
 * that the same numbers give the same interval; above 250 values the normal one, from which it does not differ.
 */
export function meanOf(values: readonly number[], resamples = defaultResamples): Mean {
  const n = values.length;
  if (n === 0) return { n, mean: null, median: null, low: null, high: null };
  const mean = average(values);
  const median = medianOf(values);
  if (n === 1) return { n, mean, median, low: null, high: null };
  if (n > bootstrapUpTo) {
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
    const half = z95 * Math.sqrt(variance / n);
    return { n, mean, median, low: mean - half, high: mean + half };
  }
  const random = seededRandom(n);
  const means = new Float64Array(resamples);
  for (let b = 0; b < resamples; b++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[Math.floor(random() * n)]!;
    means[b] = sum / n;
  }
  means.sort();
  return { n, mean, median, low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/**
 * The mean of `a[i] - b[i]` with its percentile bootstrap interval: pairs are drawn, so what both have in common (an
 * easy object) does not widen it. Throws RangeError for lists of different lengths.
 */
export function pairedDifference(a: readonly number[], b: readonly number[], resamples = 10_000): Mean {
  if (a.length !== b.length) throw new RangeError(`Not pairs: ${a.length} and ${b.length} values`);
  return meanOf(
    a.map((value, index) => value - b[index]!),
    resamples,
  );
}

/** The middle value, or the mean of the middle two; 0 for none. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return quantile(Float64Array.from(values).sort(), 0.5);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Linear between the two nearest of sorted values (type 7, numpy's default). */
export function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (place - below);
}
