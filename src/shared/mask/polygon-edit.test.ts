import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, wholeBitmap } from '../../../tests/support/masks';
import { bitmapArea, equalBitmaps } from './bitmap';
import { placedIou } from './placed';
import {
  addCorner,
  addHole,
  cornerAt,
  cornerCount,
  joinRings,
  moveCorner,
  nearestCorner,
  nearestSide,
  polygonsToPlaced,
  removeCorner,
  ringsOf,
  selfCrosses,
} from './polygon-edit';
import { polygonsToMask } from './polygon-fill';
import { outlineMask } from './polygon-outline';
import { type PolygonPart, ringArea } from './polygon-ring';

const square: PolygonPart = { outer: [10, 10, 20, 10, 20, 20, 10, 20], holes: [] };
const other: PolygonPart = { outer: [30, 10, 40, 10, 40, 20, 30, 20], holes: [] };
const size = { width: 60, height: 40 };

/** Whether sides of any rings cross properly; touching does not count. */
function anyCrossing(parts: readonly PolygonPart[]): boolean {
  const sides = parts.flatMap(ringsOf).flatMap((ring) =>
    Array.from({ length: ring.length / 2 }, (_, i) => {
      const next = (2 * i + 2) % ring.length;
      return [ring[2 * i]!, ring[2 * i + 1]!, ring[next]!, ring[next + 1]!] as const;
    }),
  );
  const turn = (px: number, py: number, qx: number, qy: number, rx: number, ry: number): number =>
    Math.sign((qx - px) * (ry - py) - (qy - py) * (rx - px));
  return sides.some(([ax, ay, bx, by], i) =>
    sides.slice(i + 1).some(([cx, cy, dx, dy]) => {
      const [c, d] = [turn(ax, ay, bx, by, cx, cy), turn(ax, ay, bx, by, dx, dy)];
      const [e, f] = [turn(cx, cy, dx, dy, ax, ay), turn(cx, cy, dx, dy, bx, by)];
      return c * d < 0 && e * f < 0;
    }),
  );
}

describe('outlines with a tolerance', () => {
  it('give the same mask with tolerance 0', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const again = polygonsToPlaced(outlineMask(mask, 0), size);
        expect(equalBitmaps(wholeBitmap(again, size), wholeBitmap(mask, size))).toBe(true);
      }),
    );
  });

  it('never cross, keep every part and hole, and stay within the tolerance', () => {
    fc.assert(
      fc.property(anyPlaced, fc.constantFrom(0.5, 0.75, 1, 1.5, 2, 4), ({ mask }, tolerance) => {
        const exact = outlineMask(mask, 0);
        const simple = outlineMask(mask, tolerance);
        expect(anyCrossing(simple)).toBe(false);
        expect(simple.map(({ holes }) => holes.length)).toEqual(exact.map(({ holes }) => holes.length));
        const rings = simple.flatMap(ringsOf);
        for (const [i, ring] of exact.flatMap(ringsOf).entries()) {
          for (let j = 0; j < ring.length; j += 2) {
            const point = { x: ring[j]!, y: ring[j + 1]! };
            const near = nearestSide([{ outer: rings[i]!, holes: [] }], point, tolerance + 1e-9);
            expect(near).not.toBeNull();
          }
          expect(Math.sign(ringArea(rings[i]!))).toBe(Math.sign(ringArea(ring)));
        }
        expect(cornerCount(simple)).toBeLessThanOrEqual(cornerCount(exact));
      }),
    );
  });

  it('make few corners of a round mask', () => {
    const data = new Uint8Array(101 * 101);
    for (let i = 0; i < data.length; i++) {
      data[i] = Math.hypot((i % 101) - 50, Math.floor(i / 101) - 50) <= 50 ? 1 : 0;
    }
    const disc = { x: 7, y: 9, width: 101, height: 101, data };
    const parts = outlineMask(disc, 1);
    expect(cornerCount(parts)).toBeLessThan(40);
    expect(placedIou(polygonsToPlaced(parts, { width: 200, height: 200 }), disc)).toBeGreaterThan(0.97);
  });
});

describe('editing polygons', () => {
  it('moves, adds and removes corners without touching what it was given', () => {
    const before = structuredClone([square, other]);
    const moved = moveCorner([square, other], { part: 0, ring: 0, index: 1 }, { x: 25, y: 5 });
    expect(moved[0]?.outer).toEqual([10, 10, 25, 5, 20, 20, 10, 20]);
    expect(moved[1]).toBe(other);
    const side = nearestSide([square, other], { x: 15, y: 9 }, 2);
    expect(side).toEqual({ corner: { part: 0, ring: 0, index: 0 }, at: { x: 15, y: 10 } });
    const added = addCorner([square, other], side!.corner, side!.at);
    expect(added[0]?.outer).toEqual([10, 10, 15, 10, 20, 10, 20, 20, 10, 20]);
    expect(bitmapArea(polygonsToPlaced(added, size)!)).toBe(200);
    const removed = removeCorner(added, { part: 0, ring: 0, index: 1 });
    expect(removed[0]?.outer).toEqual(square.outer);
    expect([square, other]).toEqual(before);
  });

  it('drops a ring that would have two corners', () => {
    const triangle: PolygonPart = { outer: [0, 0, 9, 0, 0, 9], holes: [] };
    expect(removeCorner([triangle, square], { part: 0, ring: 0, index: 2 })).toEqual([square]);
    const holed: PolygonPart = { outer: square.outer, holes: [[12, 12, 12, 15, 15, 12]] };
    expect(removeCorner([holed], { part: 0, ring: 1, index: 0 })).toEqual([
      { outer: square.outer, holes: [] },
    ]);
  });

  it('finds the nearest corner within reach', () => {
    expect(nearestCorner([square, other], { x: 31, y: 11 }, 3)).toEqual({ part: 1, ring: 0, index: 0 });
    expect(nearestCorner([square, other], { x: 25, y: 15 }, 3)).toBeNull();
    expect(cornerAt([square, other], { part: 1, ring: 0, index: 2 })).toEqual({ x: 40, y: 20 });
  });

  it('takes holes out of the part that they lie in', () => {
    const parts = addHole([other, square], [12, 12, 18, 12, 18, 18, 12, 18]);
    expect(parts?.[1]?.holes).toHaveLength(1);
    expect(bitmapArea(polygonsToPlaced(parts!, size)!)).toBe(200 - 36);
    expect(addHole([square], [5, 12, 18, 12, 18, 18])).toBeNull();
    expect(addHole([square], [12, 12, 25, 12, 18, 18])).toBeNull();
    // A hole around a hole is one hole.
    const larger = addHole(parts!, [11, 11, 19, 11, 19, 19, 11, 19]);
    expect(larger?.[1]?.holes).toHaveLength(1);
    expect(bitmapArea(polygonsToPlaced(larger!, size)!)).toBe(200 - 64);
  });

  it('joins two parts by a bridge', () => {
    // The right side of the one, the left side of the other.
    const joined = joinRings([square, other], { part: 0, ring: 0, index: 1 }, { part: 1, ring: 0, index: 3 });
    expect(joined).toHaveLength(1);
    expect(bitmapArea(polygonsToPlaced(joined!, size)!)).toBe(300);
    expect(selfCrosses(joined![0]!.outer)).toBe(false);
    // The far sides cannot be joined without crossing.
    expect(
      joinRings([square, other], { part: 0, ring: 0, index: 3 }, { part: 1, ring: 0, index: 1 }),
    ).toBeNull();
  });

  it('opens a hole to the outside', () => {
    const holed = addHole([square], [12, 12, 18, 12, 18, 18, 12, 18])!;
    const right = nearestSide(holed, { x: 20, y: 15 }, 1)!.corner;
    const inner = nearestSide(holed, { x: 18, y: 15 }, 1)!.corner;
    const open = joinRings(holed, right, inner);
    expect(open?.[0]?.holes).toEqual([]);
    expect(open && polygonsToPlaced(open, size) && bitmapArea(polygonsToPlaced(open, size)!)).toBeLessThan(
      164,
    );
  });

  it('fills as the whole image does', () => {
    const coordinate = fc.double({ min: -20, max: 80, noNaN: true });
    fc.assert(
      fc.property(fc.array(coordinate, { minLength: 6, maxLength: 14 }), (flat) => {
        const outer = flat.length % 2 === 0 ? flat : flat.slice(1);
        const parts = [{ outer, holes: [] }];
        expect(wholeBitmap(polygonsToPlaced(parts, size), size)).toEqual(polygonsToMask(parts, size));
      }),
    );
  });
});
