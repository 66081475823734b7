import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coarseLevel,
  parentTile,
  sharpLevel,
  tileBox,
  tileGrid,
  tileKey,
  tileSize,
  tileStep,
  tilesIn,
  topLevel,
} from './tiles';
import type { Box } from './types';

const sizes = fc.record({
  width: fc.integer({ min: 1, max: 20_000 }),
  height: fc.integer({ min: 1, max: 20_000 }),
});
const levels = fc.integer({ min: -2, max: 6 });

describe('tiles', () => {
  it('cover every pixel of the image once', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 0, max: 6 }), (size, level) => {
        const { columns, rows } = tileGrid(size, level);
        const all = tilesIn({ x1: 0, y1: 0, x2: size.width, y2: size.height }, size, level);
        expect(new Set(all.map(tileKey)).size).toBe(columns * rows);
        let area = 0;
        for (const tile of all) {
          const { x1, y1, x2, y2 } = tileBox(tile, size);
          expect(x2).toBeGreaterThan(x1);
          expect(y2).toBeGreaterThan(y1);
          area += (x2 - x1) * (y2 - y1);
        }
        expect(area).toBe(size.width * size.height);
      }),
      { numRuns: 60 },
    );
  });

  it('in a box are those that share a pixel with it, and no others', () => {
    const boxes = fc.record({
      x: fc.double({ min: -500, max: 3000, noNaN: true }),
      y: fc.double({ min: -500, max: 3000, noNaN: true }),
      width: fc.double({ min: 1, max: 2000, noNaN: true }),
      height: fc.double({ min: 1, max: 2000, noNaN: true }),
    });
    fc.assert(
      fc.property(boxes, fc.integer({ min: -1, max: 3 }), ({ x, y, width, height }, level) => {
        const size = { width: 2500, height: 1900 };
        const box = { x1: x, y1: y, x2: x + width, y2: y + height };
        const found = new Set(tilesIn(box, size, level).map(tileKey));
        const { columns, rows } = tileGrid(size, level);
        for (let row = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const tile = { level, column, row };
            expect(found.has(tileKey(tile))).toBe(meet(tileBox(tile, size), box));
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('lie in their parent', () => {
    fc.assert(
      fc.property(sizes, levels, fc.nat(), fc.nat(), (size, level, a, b) => {
        const { columns, rows } = tileGrid(size, level);
        const tile = { level, column: a % columns, row: b % rows };
        const inner = tileBox(tile, size);
        const outer = tileBox(parentTile(tile), size);
        expect(outer.x1).toBeLessThanOrEqual(inner.x1);
        expect(outer.y1).toBeLessThanOrEqual(inner.y1);
        expect(outer.x2).toBeGreaterThanOrEqual(inner.x2);
        expect(outer.y2).toBeGreaterThanOrEqual(inner.y2);
      }),
    );
  });

  it('at the top level there is one', () => {
    fc.assert(
      fc.property(sizes, (size) => {
        expect(tileGrid(size, topLevel(size))).toEqual({ columns: 1, rows: 1 });
        if (topLevel(size) > 0) {
          const { columns, rows } = tileGrid(size, topLevel(size) - 1);
          expect(columns * rows).toBeGreaterThan(1);
        }
      }),
    );
  });

  it('a level is chosen so that its pixels are just finer or just coarser than the screen’s', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.02, max: 3.9, noNaN: true }), (scale) => {
        const fine = sharpLevel(scale, -8, 8);
        expect(tileStep(fine) * scale).toBeLessThanOrEqual(1 + 1e-6);
        expect(tileStep(fine + 1) * scale).toBeGreaterThan(1 - 1e-6);
        const coarse = coarseLevel(scale, -8, 8);
        expect(tileStep(coarse) * scale).toBeGreaterThanOrEqual(1 - 1e-6);
        expect(tileStep(coarse - 1) * scale).toBeLessThan(1 + 1e-6);
      }),
    );
    for (const level of [-1, 0, 1, 2, 3]) {
      expect(sharpLevel(2 ** -level, -8, 8)).toBe(level);
      expect(coarseLevel(2 ** -level, -8, 8)).toBe(level);
    }
    expect(tileSize * tileStep(1)).toBe(1024);
  });
});

function meet(a: Box, b: Box): boolean {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}
