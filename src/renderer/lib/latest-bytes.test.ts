import { expect, it } from 'vitest';
import { LatestBytes } from './latest-bytes';

it('drops what was not used for longest when there is not room for all', () => {
  const dropped: string[] = [];
  const kept = new LatestBytes<string>(100, (value) => dropped.push(value));
  kept.set('a', 'A', 40);
  kept.set('b', 'B', 40);
  expect(kept.get('a')).toBe('A');
  kept.set('c', 'C', 40);
  expect(dropped).toEqual(['B']);
  expect(kept.bytes).toBe(80);
  kept.set('a', 'A2', 10);
  expect(dropped).toEqual(['B', 'A']);
  kept.set('d', 'D', 500);
  expect(kept.size).toBe(1);
  expect(kept.get('d')).toBe('D');
  kept.clear();
  expect(kept.bytes).toBe(0);
  expect(dropped).toEqual(['B', 'A', 'C', 'A2', 'D']);
});

it('keeps so many at most, and the pinned one always', () => {
  const dropped: string[] = [];
  const kept = new LatestBytes<string>(1000, (value) => dropped.push(value), 2);
  kept.set('a', 'A', 1);
  kept.pinned = 'a';
  for (const key of ['b', 'c', 'd']) kept.set(key, key.toUpperCase(), 1);
  expect(dropped).toEqual(['B', 'C']);
  expect(kept.has('a')).toBe(true);
});
