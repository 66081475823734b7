import type { Point } from '../geometry/types';
import { connectedParts } from './components';
import { emptyPlaced, type PlacedMask } from './placed';

/** Masks taken apart. The parts of a mask have no pixel in common and together all of its pixels. */

/** The connected parts (pixels that touch at a corner are connected), the largest first. */
export function splitMask(mask: PlacedMask): PlacedMask[] {
  const { labels, parts } = connectedParts(mask, 8);
  return largestFirst(parts.map(({ label, box }) => partOf(mask, box, (index) => labels[index] === label)));
}

/** The largest connected part; null when the mask is empty. */
export function largestPart(mask: PlacedMask): PlacedMask | null {
  return splitMask(mask)[0] ?? null;
}

/**
 * Cuts along a line: what the line parts becomes a mask of its own, and no pixel is lost. Two neighbouring pixels
 * stay together unless the line passes between their centres. Where the line does not part the mask wholly nothing
 * is cut; parts that were apart before and that the line does not touch stay in one mask with the largest piece.
 *
 * @param line two or more points in image pixels (float)
 * @returns the pieces, the largest first; one when nothing was cut
 */
export function cutMask(mask: PlacedMask, line: readonly Point[]): PlacedMask[] {
  const { width, height, data } = mask;
  const before = connectedParts(mask, 8);
  const crossed = new Links(mask, line);
  // Labels of the pieces: like the parts before, but never across the line.
  const pieces = new Int32Array(data.length);
  const found: { pixels: number[]; before: number }[] = [];
  const stack: number[] = [];
  for (let start = 0; start < data.length; start++) {
    if (data[start] === 0 || pieces[start] !== 0) continue;
    const label = found.length + 1;
    const pixels: number[] = [];
    pieces[start] = label;
    stack.push(start);
    for (let p = stack.pop(); p !== undefined; p = stack.pop()) {
      pixels.push(p);
      const x = p % width;
      const y = (p - x) / width;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          const nx = x + dx;
          const ny = y + dy;
          if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
          const n = ny * width + nx;
          if (data[n] === 0 || pieces[n] !== 0 || crossed.between(x, y, dx, dy)) continue;
          pieces[n] = label;
          stack.push(n);
        }
      }
    }
    found.push({ pixels, before: before.labels[start]! });
  }
  const perPart = new Map<number, number>();
  for (const piece of found) perPart.set(piece.before, (perPart.get(piece.before) ?? 0) + 1);
  const cut = found.filter((piece) => perPart.get(piece.before)! > 1);
  if (cut.length === 0) return [mask];
  cut.sort((a, b) => b.pixels.length - a.pixels.length);
  const rest = found.filter((piece) => perPart.get(piece.before) === 1).flatMap(({ pixels }) => pixels);
  const groups = cut.map(({ pixels }, index) => (index === 0 ? [...pixels, ...rest] : pixels));
  return largestFirst(groups.map((pixels) => placedPixels(mask, pixels)));
}

/** Which links between the centres of neighbouring pixels a line crosses. */
class Links {
  readonly #mask: PlacedMask;
  readonly #segments: { a: Point; b: Point; x1: number; y1: number; x2: number; y2: number }[] = [];
  /** 1 at pixels that have a link which the line may cross. */
  readonly #near: Uint8Array;

  constructor(mask: PlacedMask, line: readonly Point[]) {
    this.#mask = mask;
    this.#near = new Uint8Array(mask.data.length);
    for (let i = 1; i < line.length; i++) {
      const a = local(line[i - 1]!, mask);
      const b = local(line[i]!, mask);
      const segment = {
        a,
        b,
        x1: Math.min(a.x, b.x),
        y1: Math.min(a.y, b.y),
        x2: Math.max(a.x, b.x),
        y2: Math.max(a.y, b.y),
      };
      this.#segments.push(segment);
      this.#mark(segment);
    }
  }

  /** Marks the pixels that have a link which the segment may cross. */
  #mark({ a, b, y1, y2 }: { a: Point; b: Point; y1: number; y2: number }): void {
    const { width, height } = this.#mask;
    const from = Math.max(0, Math.floor(y1) - 2);
    const to = Math.min(height - 1, Math.ceil(y2) + 2);
    for (let y = from; y <= to; y++) {
      // Where the segment is while it is within two rows of this one.
      const low = Math.max(y1, y - 2);
      const high = Math.min(y2, y + 3);
      if (high < low) continue;
      const at = (height: number): number =>
        a.y === b.y ? a.x : a.x + ((height - a.y) * (b.x - a.x)) / (b.y - a.y);
      const ends = a.y === b.y ? [a.x, b.x] : [at(low), at(high)];
      const first = Math.max(0, Math.floor(Math.min(...ends)) - 2);
      const last = Math.min(width - 1, Math.ceil(Math.max(...ends)) + 2);
      if (last >= first) this.#near.fill(1, y * width + first, y * width + last + 1);
    }
  }

  /** Whether the line passes between the pixel in column x and row y and its neighbour. */
  between(x: number, y: number, dx: number, dy: number): boolean {
    if (this.#near[y * this.#mask.width + x] === 0) return false;
    const from = { x: x + 0.5, y: y + 0.5 };
    const to = { x: from.x + dx, y: from.y + dy };
    for (const { a, b, x1, y1, x2, y2 } of this.#segments) {
      if (Math.max(from.x, to.x) < x1 || Math.min(from.x, to.x) > x2) continue;
      if (Math.max(from.y, to.y) < y1 || Math.min(from.y, to.y) > y2) continue;
      if (crosses(from, to, a, b)) return true;
    }
    return false;
  }
}

/**
 * Whether p → q crosses a → b. A centre that lies on the line belongs to its left side, and the ends of the line
 * count, so that a line has no gap that pixels could slip through.
 */
function crosses(p: Point, q: Point, a: Point, b: Point): boolean {
  if (side(a, b, p) >= 0 === side(a, b, q) >= 0) return false;
  const from = side(p, q, a);
  const to = side(p, q, b);
  return (from <= 0 && to >= 0) || (from >= 0 && to <= 0);
}

function side(a: Point, b: Point, p: Point): number {
  return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

function local(point: Point, mask: PlacedMask): Point {
  return { x: point.x - mask.x, y: point.y - mask.y };
}

function placedPixels(mask: PlacedMask, pixels: readonly number[]): PlacedMask {
  let [x1, y1, x2, y2] = [mask.width, mask.height, 0, 0];
  for (const p of pixels) {
    const x = p % mask.width;
    const y = (p - x) / mask.width;
    x1 = Math.min(x1, x);
    y1 = Math.min(y1, y);
    x2 = Math.max(x2, x + 1);
    y2 = Math.max(y2, y + 1);
  }
  const part = emptyPlaced({ x1: mask.x + x1, y1: mask.y + y1, x2: mask.x + x2, y2: mask.y + y2 });
  for (const p of pixels) {
    const x = p % mask.width;
    const y = (p - x) / mask.width;
    part.data[(y - y1) * part.width + x - x1] = 1;
  }
  return part;
}

/** The pixels of a box of the part (its own columns and rows) for which `has` says yes to their index. */
function partOf(
  mask: PlacedMask,
  box: { x1: number; y1: number; x2: number; y2: number },
  has: (index: number) => boolean,
): PlacedMask {
  const part = emptyPlaced({
    x1: mask.x + box.x1,
    y1: mask.y + box.y1,
    x2: mask.x + box.x2,
    y2: mask.y + box.y2,
  });
  for (let y = box.y1; y < box.y2; y++) {
    for (let x = box.x1; x < box.x2; x++) {
      if (has(y * mask.width + x)) part.data[(y - box.y1) * part.width + x - box.x1] = 1;
    }
  }
  return part;
}

function largestFirst(parts: readonly PlacedMask[]): PlacedMask[] {
  const areas = new Map(parts.map((part) => [part, part.data.reduce((sum, value) => sum + value, 0)]));
  return [...parts].sort((a, b) => areas.get(b)! - areas.get(a)!);
}
