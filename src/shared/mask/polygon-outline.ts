import type { PlacedMask } from './placed';
import { maskToPolygons } from './polygon-contours';
import { ringsOf, shiftedRing } from './polygon-edit';
import type { PolygonPart, Ring } from './polygon-ring';

/**
 * A mask's outlines with fewer corners, to be edited by hand: one part for every connected region. Sides never cross
 * each other, no hole or part is lost, and no corner that was dropped is further than `tolerance` pixels from the side
 * that replaces it. With tolerance 0 only the pixel borders' own corners are left, which give the same mask back.
 *
 * Corners are dropped one by one, the one that costs least first, and only where the triangle that it makes with its
 * neighbours holds no other corner: then the new side crosses nothing (M. Visvalingam and J. Whyatt's order of
 * elimination, 1993, with that test, and distances in place of areas).
 *
 * @param mask part of an image; corners are in pixels of the image
 */
export function outlineMask(mask: PlacedMask, tolerance: number): PolygonPart[] {
  const parts = maskToPolygons(mask).map(({ outer, holes }) => ({
    outer: shiftedRing(outer, mask.x, mask.y),
    holes: holes.map((hole) => shiftedRing(hole, mask.x, mask.y)),
  }));
  return tolerance > 0 ? dropCorners(parts, tolerance) : parts;
}

/** Removes corners from parts whose sides do not cross, so that this stays so. */
function dropCorners(parts: readonly PolygonPart[], tolerance: number): PolygonPart[] {
  const corners = new Corners(parts.flatMap(ringsOf));
  const queue = new Queue();
  for (let i = 0; i < corners.count; i++) {
    const cost = corners.cost(i, tolerance);
    if (cost <= tolerance) queue.push(cost, i);
  }
  for (let next = queue.pop(); next !== null; next = queue.pop()) {
    const { cost, corner } = next;
    // An entry is out of date when a neighbour went after it was made; a newer one is in the queue.
    if (corners.isGone(corner) || corners.latestCost(corner) !== cost) continue;
    if (corners.isBlocked(corner)) continue;
    for (const neighbour of corners.drop(corner)) {
      const changed = corners.cost(neighbour, tolerance);
      if (changed <= tolerance) queue.push(changed, neighbour);
    }
  }
  let ring = 0;
  return parts.map((part) => ({
    outer: corners.ring(ring++),
    holes: part.holes.map(() => corners.ring(ring++)),
  }));
}

/** Pixels a side of the squares by which corners are found. */
const cell = 8;
/** A ring of pixel borders has at least as many; with three, a single pixel could lose its middle. */
const leastCorners = 4;

/** The corners of all rings, each knowing those before and after it that are still there. */
class Corners {
  readonly count: number;
  readonly #x: Float64Array;
  readonly #y: Float64Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  /** The corner that follows in the ring as it came. */
  readonly #following: Int32Array;
  readonly #gone: Uint8Array;
  readonly #costs: Float64Array;
  readonly #ringOf: Int32Array;
  readonly #left: number[];
  readonly #starts: number[];
  readonly #cells = new Map<number, number[]>();
  readonly #originX: number;
  readonly #originY: number;
  readonly #columns: number;

  constructor(rings: readonly Ring[]) {
    this.count = rings.reduce((sum, ring) => sum + ring.length / 2, 0);
    this.#x = new Float64Array(this.count);
    this.#y = new Float64Array(this.count);
    this.#next = new Int32Array(this.count);
    this.#previous = new Int32Array(this.count);
    this.#following = new Int32Array(this.count);
    this.#gone = new Uint8Array(this.count);
    this.#costs = new Float64Array(this.count);
    this.#ringOf = new Int32Array(this.count);
    this.#left = rings.map((ring) => ring.length / 2);
    this.#starts = [];
    let at = 0;
    let [x1, y1, x2] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    rings.forEach((ring, r) => {
      const start = at;
      const length = ring.length / 2;
      this.#starts.push(start);
      for (let i = 0; i < length; i++, at++) {
        const x = ring[2 * i]!;
        const y = ring[2 * i + 1]!;
        this.#x[at] = x;
        this.#y[at] = y;
        this.#ringOf[at] = r;
        this.#next[at] = start + ((i + 1) % length);
        this.#previous[at] = start + ((i + length - 1) % length);
        x1 = Math.min(x1, x);
        y1 = Math.min(y1, y);
        x2 = Math.max(x2, x);
      }
    });
    this.#following.set(this.#next);
    this.#originX = x1;
    this.#originY = y1;
    this.#columns = this.count > 0 ? Math.floor((x2 - x1) / cell) + 1 : 1;
    for (let i = 0; i < this.count; i++) {
      const key = this.#cellOf(this.#x[i]!, this.#y[i]!);
      const list = this.#cells.get(key);
      if (list === undefined) this.#cells.set(key, [i]);
      else list.push(i);
    }
  }

  isGone(corner: number): boolean {
    return this.#gone[corner] === 1;
  }

  latestCost(corner: number): number {
    return this.#costs[corner]!;
  }

  /** How far the side in place of this corner would be from the corners that it stands for; infinite from `limit`. */
  cost(corner: number, limit: number): number {
    const cost =
      this.#left[this.#ringOf[corner]!]! <= leastCorners
        ? Number.POSITIVE_INFINITY
        : this.#distance(corner, limit);
    this.#costs[corner] = cost;
    return cost;
  }

  #distance(corner: number, limit: number): number {
    const a = this.#previous[corner]!;
    const b = this.#next[corner]!;
    const x = this.#x[a]!;
    const y = this.#y[a]!;
    const dx = this.#x[b]! - x;
    const dy = this.#y[b]! - y;
    const squaredLength = dx * dx + dy * dy;
    let greatest = 0;
    for (let i = this.#following[a]!; i !== b; i = this.#following[i]!) {
      const px = this.#x[i]! - x;
      const py = this.#y[i]! - y;
      const along = squaredLength > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / squaredLength)) : 0;
      const ox = px - along * dx;
      const oy = py - along * dy;
      greatest = Math.max(greatest, ox * ox + oy * oy);
      if (greatest > limit * limit) return Number.POSITIVE_INFINITY;
    }
    return Math.sqrt(greatest);
  }

  /** Whether another corner lies in the triangle of this one and its neighbours, or on its border. */
  isBlocked(corner: number): boolean {
    const a = this.#previous[corner]!;
    const b = this.#next[corner]!;
    if (this.#left[this.#ringOf[corner]!]! <= leastCorners) return true;
    // Where a region touches itself, the side in its place would have no length.
    if (this.#x[a] === this.#x[b] && this.#y[a] === this.#y[b]) return true;
    const xs = [this.#x[a]!, this.#x[corner]!, this.#x[b]!] as const;
    const ys = [this.#y[a]!, this.#y[corner]!, this.#y[b]!] as const;
    const turn = Math.sign((xs[1] - xs[0]) * (ys[2] - ys[0]) - (ys[1] - ys[0]) * (xs[2] - xs[0]));
    const [fromX, toX] = this.#range(xs, this.#originX);
    const [fromY, toY] = this.#range(ys, this.#originY);
    for (let row = fromY; row <= toY; row++) {
      for (let column = fromX; column <= toX; column++) {
        for (const i of this.#cells.get(row * this.#columns + column) ?? []) {
          if (this.#gone[i] === 1 || i === a || i === b || i === corner) continue;
          if (isInTriangle(xs, ys, turn, this.#x[i]!, this.#y[i]!)) return true;
        }
      }
    }
    return false;
  }

  /** @returns the neighbours, whose cost has changed */
  drop(corner: number): [number, number] {
    const a = this.#previous[corner]!;
    const b = this.#next[corner]!;
    this.#next[a] = b;
    this.#previous[b] = a;
    this.#gone[corner] = 1;
    const ring = this.#ringOf[corner]!;
    this.#left[ring]!--;
    if (this.#starts[ring] === corner) this.#starts[ring] = b;
    const list = this.#cells.get(this.#cellOf(this.#x[corner]!, this.#y[corner]!));
    list?.splice(list.indexOf(corner), 1);
    return [a, b];
  }

  ring(index: number): Ring {
    const start = this.#starts[index]!;
    const ring: Ring = [];
    let i = start;
    do {
      ring.push(this.#x[i]!, this.#y[i]!);
      i = this.#next[i]!;
    } while (i !== start);
    return ring;
  }

  #cellOf(x: number, y: number): number {
    return Math.floor((y - this.#originY) / cell) * this.#columns + Math.floor((x - this.#originX) / cell);
  }

  #range(values: readonly number[], origin: number): [number, number] {
    return [
      Math.floor((Math.min(...values) - origin) / cell),
      Math.floor((Math.max(...values) - origin) / cell),
    ];
  }
}

/** Border included; `turn` is the sign of the triangle's area, 0 when it is a line. */
function isInTriangle(
  xs: readonly [number, number, number],
  ys: readonly [number, number, number],
  turn: number,
  x: number,
  y: number,
): boolean {
  if (x < Math.min(...xs) || x > Math.max(...xs) || y < Math.min(...ys) || y > Math.max(...ys)) return false;
  for (let i = 0; i < 3; i++) {
    const j = (i + 1) % 3;
    const side = (xs[j]! - xs[i]!) * (y - ys[i]!) - (ys[j]! - ys[i]!) * (x - xs[i]!);
    if (turn === 0 ? side !== 0 : side * turn < 0) return false;
  }
  return true;
}

/** A binary heap, the least cost first. */
class Queue {
  readonly #entries: { cost: number; corner: number }[] = [];

  push(cost: number, corner: number): void {
    const entries = this.#entries;
    let i = entries.push({ cost, corner }) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (entries[parent]!.cost <= entries[i]!.cost) break;
      [entries[parent], entries[i]] = [entries[i]!, entries[parent]!];
      i = parent;
    }
  }

  pop(): { cost: number; corner: number } | null {
    const entries = this.#entries;
    const first = entries[0];
    const last = entries.pop();
    if (first === undefined || last === undefined) return null;
    if (entries.length === 0) return first;
    entries[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < entries.length && entries[child]!.cost < entries[least]!.cost) least = child;
      }
      if (least === i) return first;
      [entries[least], entries[i]] = [entries[i]!, entries[least]!];
      i = least;
    }
  }
}
