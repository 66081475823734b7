import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseShard, shardText, takeShard } from './shard';

describe('shards', () => {
  it('put every target in exactly one of them, in order and evenly', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 20 }), (n, count) => {
        const targets = Array.from({ length: n }, (_, place) => place);
        const shards = Array.from({ length: count }, (_, place) =>
          takeShard(targets, { index: place + 1, count }),
        );
        expect(shards.flat().sort((a, b) => a - b)).toEqual(targets);
        for (const shard of shards) {
          expect(shard).toEqual([...shard].sort((a, b) => a - b));
          expect(shard.length).toBeGreaterThanOrEqual(Math.floor(n / count));
          expect(shard.length).toBeLessThanOrEqual(Math.ceil(n / count));
        }
      }),
    );
  });

  it('are all of the targets without a shard', () => {
    expect(takeShard(['a', 'b'], undefined)).toEqual(['a', 'b']);
  });

  it.each(['1/1', '2/8', '16/16'])('reads %s', (text) => {
    expect(shardText(parseShard(text))).toBe(text);
  });

  it.each(['0/4', '5/4', '1/0', '1', '1/', '-1/4', '1.5/4', ' 1/4', '1/4x', '1/99999999999999999999'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseShard(text)).toThrow('is no shard');
    },
  );
});
