import { MaskwrightError } from '@shared/contract/errors';

/** One of `count` parts of a data set; `index` counts from 1. */
export interface Shard {
  index: number;
  count: number;
}

/**
 * "2/8": the second of eight parts.
 *
 * @throws MaskwrightError INVALID_REQUEST
 */
export function parseShard(text: string): Shard {
  const [index = Number.NaN, count = Number.NaN] = /^\d+\/\d+$/.test(text) ? text.split('/').map(Number) : [];
  if (!(index >= 1 && index <= count && Number.isSafeInteger(count))) {
    throw new MaskwrightError('INVALID_REQUEST', `"${text}" is no shard.`, {
      hint: 'A shard is I/N, from 1/N to N/N: 2/8 is the second of eight.',
    });
  }
  return { index, count };
}

export function shardText({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/**
 * Every `count`-th target, from the `index`-th on: neighbours, which are often alike and of one image, are spread, so
 * that the shards take about equally long. All of them without a shard.
 */
export function takeShard<T>(targets: readonly T[], shard: Shard | undefined): T[] {
  if (shard === undefined) return [...targets];
  return targets.filter((_, place) => place % shard.count === shard.index - 1);
}
