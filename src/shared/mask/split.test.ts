import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, bitmapFromText, wholeBitmap } from '../../../tests/support/masks';
import { bitmapArea, unionBitmaps } from './bitmap';
import { connectedParts } from './components';
import type { PlacedMask } from './placed';
import { cutMask, largestPart, splitMask } from './split';

function expectPartition(
  mask: PlacedMask,
  parts: readonly PlacedMask[],
  size: { width: number; height: number },
): void {
  const whole = wholeBitmap(mask, size);
  expect(parts.reduce((sum, part) => sum + bitmapArea(part), 0)).toBe(bitmapArea(whole));
  expect(parts.map((part) => wholeBitmap(part, size)).reduce(unionBitmaps)).toEqual(whole);
  const areas = parts.map(bitmapArea);
  expect(areas).toEqual([...areas].sort((a, b) => b - a));
  expect(areas).not.toContain(0);
}

describe('splitting', () => {
  it('gives connected parts that partition the mask', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const parts = splitMask(mask);
        expectPartition(mask, parts, size);
        for (const part of parts) expect(connectedParts(part).parts).toHaveLength(1);
        expect(largestPart(mask)).toEqual(parts[0]);
      }),
    );
  });

  it('cuts without losing a pixel', () => {
    const coordinate = fc.oneof(
      fc.double({ min: -3, max: 40, noNaN: true }),
      fc.integer({ min: 0, max: 80 }).map((n) => n / 2),
    );
    const line = fc.array(fc.record({ x: coordinate, y: coordinate }), { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(anyPlaced, line, ({ mask, size }, points) => {
        expectPartition(mask, cutMask(mask, points), size);
      }),
    );
  });

  it('separates what is on either side of a line that crosses the whole mask', () => {
    const size = { width: 40, height: 40 };
    const mask: PlacedMask = { x: 10, y: 10, width: 20, height: 20, data: new Uint8Array(400).fill(1) };
    fc.assert(
      fc.property(
        fc.double({ min: 12, max: 28, noNaN: true }),
        fc.double({ min: 12, max: 28, noNaN: true }),
        (top, bottom) => {
          const parts = cutMask(mask, [
            { x: top, y: 5 },
            { x: bottom, y: 35 },
          ]);
          expectPartition(mask, parts, size);
          expect(parts.length).toBe(2);
          const isLeft = (part: PlacedMask): boolean[] => {
            const sides: boolean[] = [];
            part.data.forEach((value, i) => {
              if (value === 0) return;
              const x = part.x + (i % part.width) + 0.5;
              const y = part.y + Math.floor(i / part.width) + 0.5;
              sides.push(x < top + ((y - 5) / 30) * (bottom - top));
            });
            return sides;
          };
          for (const part of parts) expect(new Set(isLeft(part)).size).toBe(1);
        },
      ),
    );
  });

  it('does not cut where the line ends inside, nor what it does not touch', () => {
    const mask: PlacedMask = { x: 0, y: 0, ...bitmapFromText('#####.##', '#####.##', '#####.##') };
    expect(
      cutMask(mask, [
        { x: 2.5, y: -1 },
        { x: 2.5, y: 1.2 },
      ]),
    ).toEqual([mask]);
    const [left, right] = cutMask(mask, [
      { x: 2.2, y: -1 },
      { x: 2.2, y: 4 },
    ]);
    // The island on the right stays with the larger piece.
    expect(left && bitmapArea(left)).toBe(15);
    expect(right && bitmapArea(right)).toBe(6);
  });
});
