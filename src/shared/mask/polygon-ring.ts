import { MaskFormatError } from './errors';

/** A closed polygon as flat coordinates [x1, y1, x2, y2, …] in mask pixels; the last point joins the first. */
export type Ring = number[];

/** A connected region: its outline and the outlines of its holes. */
export interface PolygonPart {
  outer: Ring;
  holes: Ring[];
}

/** Throws {@link MaskFormatError} unless the ring has at least three points with finite coordinates. */
export function requireRing(ring: readonly number[]): void {
  if (ring.length % 2 !== 0 || ring.length < 6) {
    throw new MaskFormatError(
      `A polygon has ${ring.length} numbers; it needs x and y of at least three points, an even number from 6.`,
    );
  }
  const bad = ring.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw new MaskFormatError(`Number ${bad} of a polygon is ${ring[bad]}.`);
}

/** Area enclosed by a ring in square pixels, positive for rings that run clockwise on the screen (y down). */
export function ringArea(ring: readonly number[]): number {
  let twice = 0;
  let x = ring[ring.length - 2]!;
  let y = ring[ring.length - 1]!;
  for (let i = 0; i < ring.length; i += 2) {
    twice += x * ring[i + 1]! - ring[i]! * y;
    x = ring[i]!;
    y = ring[i + 1]!;
  }
  return twice / 2;
}

/**
 * Fewer points: D. Douglas and T. Peucker's method (1973) on the two halves between the first point and the one
 * farthest from it. No dropped point is further than `tolerance` pixels from the side that replaces it. The
 * ring keeps its direction and at least three points (unless it had fewer).
 */
export function simplifyRing(ring: Ring, tolerance: number): Ring {
  const count = ring.length / 2;
  if (count <= 3) return [...ring];
  const keep = new Uint8Array(count);
  const far = farthest(ring, 0, count, 0);
  keep[0] = 1;
  keep[far.index] = 1;
  const pending: [number, number][] = [
    [0, far.index],
    [far.index, count],
  ];
  let widest = { index: -1, distance: -1 };
  while (pending.length > 0) {
    const [from, to] = pending.pop()!;
    const found = farthest(ring, from, to, to % count);
    if (found.index < 0) continue;
    if (found.distance > tolerance) {
      keep[found.index] = 1;
      pending.push([from, found.index], [found.index, to]);
    } else if (found.distance > widest.distance) {
      widest = found;
    }
  }
  // A ring thinner than the tolerance would collapse onto a line; its widest point keeps it a ring.
  if (keep.reduce((sum, value) => sum + value, 0) < 3 && widest.index >= 0) keep[widest.index] = 1;
  return ring.filter((_, i) => keep[i >> 1] === 1);
}

/** The point strictly between `from` and `to` that is farthest from the line segment from → `end`. */
function farthest(
  ring: readonly number[],
  from: number,
  to: number,
  end: number,
): { index: number; distance: number } {
  const x1 = ring[2 * from]!;
  const y1 = ring[2 * from + 1]!;
  const dx = ring[2 * end]! - x1;
  const dy = ring[2 * end + 1]! - y1;
  const squaredLength = dx * dx + dy * dy;
  let index = -1;
  let distance = -1;
  for (let i = from + 1; i < to; i++) {
    const px = ring[2 * i]! - x1;
    const py = ring[2 * i + 1]! - y1;
    const along = squaredLength > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength)) : 0;
    const d = Math.hypot(px - along * dx, py - along * dy);
    if (d > distance) {
      distance = d;
      index = i;
    }
  }
  return { index, distance };
}
