import { expect, it } from 'vitest';
import { forgetOldest } from './forget-oldest';

it('forgets what came first, however many come, but not what stays', () => {
  const known = new Map<string, boolean>();
  for (let i = 0; i < 1000; i++) {
    known.set(`image ${i}`, i === 3 || i === 500);
    forgetOldest(known, 5, (_, isOpen) => isOpen);
    expect(known.size).toBeLessThanOrEqual(5);
  }
  expect([...known.keys()]).toEqual(['image 3', 'image 500', 'image 997', 'image 998', 'image 999']);
});

it('forgets nothing when everything stays', () => {
  const known = new Map([
    ['a', 1],
    ['b', 2],
  ]);
  forgetOldest(known, 1, () => true);
  expect([...known.keys()]).toEqual(['a', 'b']);
});
