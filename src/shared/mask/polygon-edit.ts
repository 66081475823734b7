import type { Point, Size } from '../geometry/types';
import { emptyPlaced, type PlacedMask, trimPlaced } from './placed';
import { polygonsToMask } from './polygon-fill';
import { type PolygonPart, type Ring, ringArea } from './polygon-ring';

/** Polygons as people change them: corners, holes and joins. Nothing is changed in place. */

/** A corner, or the side that begins there. `ring` 0 is the outline of the part, from 1 its holes. */
export interface Corner {
  part: number;
  ring: number;
  index: number;
}

export function sameCorner(a: Corner | null, b: Corner | null): boolean {
  return a?.part === b?.part && a?.ring === b?.ring && a?.index === b?.index;
}

/** The rings of a part, its outline first. */
export function ringsOf(part: PolygonPart): Ring[] {
  return [part.outer, ...part.holes];
}

export function cornerAt(parts: readonly PolygonPart[], corner: Corner): Point | null {
  const ring = ringOf(parts, corner);
  const x = ring?.[2 * corner.index];
  const y = ring?.[2 * corner.index + 1];
  return x === undefined || y === undefined ? null : { x, y };
}

export function cornerCount(parts: readonly PolygonPart[]): number {
  return parts.reduce((sum, part) => sum + ringsOf(part).reduce((all, ring) => all + ring.length / 2, 0), 0);
}

/** The nearest corner that is at most `reach` pixels away, or null. */
export function nearestCorner(parts: readonly PolygonPart[], point: Point, reach: number): Corner | null {
  let best: Corner | null = null;
  let least = reach * reach;
  eachCorner(parts, (x, y, part, ring, index) => {
    const squared = (x - point.x) ** 2 + (y - point.y) ** 2;
    if (squared > least) return;
    least = squared;
    best = { part, ring, index };
  });
  return best;
}

/** The nearest side that is at most `reach` pixels away, with the place on it, or null. */
export function nearestSide(
  parts: readonly PolygonPart[],
  point: Point,
  reach: number,
): { corner: Corner; at: Point } | null {
  let best: { corner: Corner; at: Point } | null = null;
  let least = reach * reach;
  eachCorner(parts, (x, y, part, ring, index, coordinates) => {
    const next = (2 * index + 2) % coordinates.length;
    const dx = coordinates[next]! - x;
    const dy = coordinates[next + 1]! - y;
    const squaredLength = dx * dx + dy * dy;
    if (squaredLength === 0) return;
    const along = Math.min(1, Math.max(0, ((point.x - x) * dx + (point.y - y) * dy) / squaredLength));
    const at = { x: x + along * dx, y: y + along * dy };
    const squared = (at.x - point.x) ** 2 + (at.y - point.y) ** 2;
    if (squared > least) return;
    least = squared;
    best = { corner: { part, ring, index }, at };
  });
  return best;
}

export function moveCorner(parts: readonly PolygonPart[], corner: Corner, to: Point): PolygonPart[] {
  return withRing(parts, corner, (ring) => {
    const moved = [...ring];
    moved.splice(2 * corner.index, 2, to.x, to.y);
    return moved;
  });
}

/** A new corner after the given one; its own index is one more. */
export function addCorner(parts: readonly PolygonPart[], after: Corner, at: Point): PolygonPart[] {
  return withRing(parts, after, (ring) => {
    const longer = [...ring];
    longer.splice(2 * after.index + 2, 0, at.x, at.y);
    return longer;
  });
}

/** Without a corner. A ring of three goes altogether: a hole is closed, a part is gone. */
export function removeCorner(parts: readonly PolygonPart[], corner: Corner): PolygonPart[] {
  return withRing(parts, corner, (ring) => {
    if (ring.length <= 6) return null;
    const shorter = [...ring];
    shorter.splice(2 * corner.index, 2);
    return shorter;
  });
}

/** The ring as a hole of the part that it lies in; null when it lies in none, or crosses an outline or a hole. */
export function addHole(parts: readonly PolygonPart[], ring: readonly number[]): PolygonPart[] | null {
  for (const [index, part] of parts.entries()) {
    if (!isInside(part, ring[0]!, ring[1]!)) continue;
    if (ringsOf(part).some((other) => ringsCross(other, ring))) return null;
    const hole = ringArea(ring) > 0 ? reversed(ring) : [...ring];
    // Holes that the new one surrounds are part of it now.
    const holes = part.holes.filter((other) => !isInside({ outer: hole, holes: [] }, other[0]!, other[1]!));
    return parts.map((old, i) => (i === index ? { outer: old.outer, holes: [...holes, hole] } : old));
  }
  return null;
}

/**
 * Joins the outlines of two parts, or a part's outline with one of its holes, by a bridge from the side that begins
 * at `a` to the side that begins at `b`. Null when the two are the same ring, or of no use to each other, or when
 * the bridge would cross a side.
 */
export function joinRings(parts: readonly PolygonPart[], a: Corner, b: Corner): PolygonPart[] | null {
  const ringA = ringOf(parts, a);
  const ringB = ringOf(parts, b);
  if (!ringA || !ringB || (a.part === b.part && a.ring === b.ring)) return null;
  if (a.part !== b.part && (a.ring !== 0 || b.ring !== 0)) return null;
  if (a.part === b.part && a.ring !== 0 && b.ring !== 0) return null;
  // From the end of a's side once around a, over to the end of b's side, once around b, and back.
  const joined = [...rotated(ringA, a.index + 1), ...rotated(ringB, b.index + 1)];
  const outer = ringArea(joined) > 0 ? joined : reversed(joined);
  if (selfCrosses(outer)) return null;
  if (a.part === b.part) {
    const hole = a.ring === 0 ? b.ring : a.ring;
    return parts.map((part, i) =>
      i === a.part ? { outer, holes: part.holes.filter((_, index) => index + 1 !== hole) } : part,
    );
  }
  const holes = [...(parts[a.part]?.holes ?? []), ...(parts[b.part]?.holes ?? [])];
  return parts.flatMap((part, i) => (i === b.part ? [] : i === a.part ? [{ outer, holes }] : [part]));
}

/** The pixels whose centres lie inside, as `polygonsToMask`, but only the part of the image that has them. */
export function polygonsToPlaced(parts: readonly PolygonPart[], size: Size): PlacedMask | null {
  let [x1, y1, x2, y2] = [size.width, size.height, 0, 0];
  eachCorner(parts, (x, y) => {
    x1 = Math.min(x1, Math.max(0, Math.floor(x)));
    y1 = Math.min(y1, Math.max(0, Math.floor(y)));
    x2 = Math.max(x2, Math.min(size.width, Math.ceil(x)));
    y2 = Math.max(y2, Math.min(size.height, Math.ceil(y)));
  });
  if (x2 <= x1 || y2 <= y1) return null;
  const placed = emptyPlaced({ x1, y1, x2, y2 });
  const shifted = parts.map((part) => ({
    outer: shiftedRing(part.outer, -x1, -y1),
    holes: part.holes.map((hole) => shiftedRing(hole, -x1, -y1)),
  }));
  return trimPlaced({ ...placed, data: polygonsToMask(shifted, placed).data });
}

export function shiftedRing(ring: readonly number[], dx: number, dy: number): Ring {
  return ring.map((value, i) => value + (i % 2 === 0 ? dx : dy));
}

/** Whether sides of a ring that are no neighbours cross or touch each other. */
export function selfCrosses(ring: readonly number[]): boolean {
  const count = ring.length / 2;
  for (let i = 0; i < count; i++) {
    for (let j = i + 2; j < count; j++) {
      if (i === 0 && j === count - 1) continue;
      if (sidesMeet(ring, i, ring, j)) return true;
    }
  }
  return false;
}

function ringsCross(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length / 2; i++) {
    for (let j = 0; j < b.length / 2; j++) if (sidesMeet(a, i, b, j)) return true;
  }
  return false;
}

/** Whether side i of a and side j of b have a point in common. */
function sidesMeet(a: readonly number[], i: number, b: readonly number[], j: number): boolean {
  const [ax, ay, bx, by] = sideOf(a, i);
  const [cx, cy, dx, dy] = sideOf(b, j);
  if (Math.max(ax, bx) < Math.min(cx, dx) || Math.max(cx, dx) < Math.min(ax, bx)) return false;
  if (Math.max(ay, by) < Math.min(cy, dy) || Math.max(cy, dy) < Math.min(ay, by)) return false;
  const turn = (px: number, py: number, qx: number, qy: number, rx: number, ry: number): number =>
    Math.sign((qx - px) * (ry - py) - (qy - py) * (rx - px));
  const c = turn(ax, ay, bx, by, cx, cy);
  const d = turn(ax, ay, bx, by, dx, dy);
  const e = turn(cx, cy, dx, dy, ax, ay);
  const f = turn(cx, cy, dx, dy, bx, by);
  return c * d <= 0 && e * f <= 0;
}

function sideOf(ring: readonly number[], index: number): [number, number, number, number] {
  const next = (2 * index + 2) % ring.length;
  return [ring[2 * index]!, ring[2 * index + 1]!, ring[next]!, ring[next + 1]!];
}

/** Even-odd over all rings of the part. */
function isInside(part: PolygonPart, x: number, y: number): boolean {
  let inside = false;
  for (const ring of ringsOf(part)) {
    for (let i = 0; i < ring.length / 2; i++) {
      const [x1, y1, x2, y2] = sideOf(ring, i);
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
    }
  }
  return inside;
}

function rotated(ring: readonly number[], first: number): Ring {
  const from = (2 * first) % ring.length;
  return [...ring.slice(from), ...ring.slice(0, from)];
}

function reversed(ring: readonly number[]): Ring {
  const result: Ring = [];
  for (let i = ring.length - 2; i >= 0; i -= 2) result.push(ring[i]!, ring[i + 1]!);
  return result;
}

function ringOf(parts: readonly PolygonPart[], { part, ring }: Corner): Ring | null {
  const found = parts[part];
  return (ring === 0 ? found?.outer : found?.holes[ring - 1]) ?? null;
}

/** With one ring changed, or taken out when `change` gives null. */
function withRing(
  parts: readonly PolygonPart[],
  { part, ring }: Corner,
  change: (ring: Ring) => Ring | null,
): PolygonPart[] {
  return parts.flatMap((old, i) => {
    if (i !== part) return [old];
    if (ring === 0) {
      const outer = change(old.outer);
      return outer ? [{ outer, holes: old.holes }] : [];
    }
    const holes = old.holes.flatMap((hole, index) => {
      const changed = index === ring - 1 ? change(hole) : hole;
      return changed ? [changed] : [];
    });
    return [{ outer: old.outer, holes }];
  });
}

function eachCorner(
  parts: readonly PolygonPart[],
  visit: (x: number, y: number, part: number, ring: number, index: number, coordinates: Ring) => void,
): void {
  parts.forEach((part, p) => {
    ringsOf(part).forEach((ring, r) => {
      for (let i = 0; i < ring.length; i += 2) visit(ring[i]!, ring[i + 1]!, p, r, i / 2, ring);
    });
  });
}
