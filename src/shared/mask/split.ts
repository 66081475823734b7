import { uniteBoxes } from '../geometry/box';
import type { Box, Point } from '../geometry/types';
import { connectedParts } from './components';
import { DisjointSets } from './disjoint-sets';
import { emptyPlaced, type PlacedMask } from './placed';

/** Masks taken apart. The parts of a mask have no pixel in common and together all of its pixels. */

/** The connected parts (pixels that touch at a corner are connected), the largest first. */
export function splitMask(mask: PlacedMask): PlacedMask[] {
  const { labels, parts } = connectedParts(mask, 8);
  return largestFirst(parts.map(({ label, box }) => partOf(mask, box, (index) => labels[index] === label)));
}

/** The largest connected part; null when the mask is empty. */
export function largestPart(mask: PlacedMask): PlacedMask | null {
  const { labels, parts } = connectedParts(mask, 8);
  const [first, ...rest] = parts;
  if (first === undefined) return null;
  const { label, box } = rest.reduce((best, part) => (part.area > best.area ? part : best), first);
  return partOf(mask, box, (index) => labels[index] === label);
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
  // Away from the line nothing is cut, so that those parts stay whole; the pixels near it are joined one by one.
  const away = connectedParts(
    { width, height, data: data.map((value, i) => value & (crossed.near[i]! ^ 1)) },
    8,
  );
  const pieceOf = away.labels;
  let next = away.parts.length;
  for (let i = 0; i < data.length; i++) if (data[i] === 1 && pieceOf[i] === 0) pieceOf[i] = ++next;
  // Set 0 stands for the background.
  const pieces = new DisjointSets();
  for (let label = 0; label <= next; label++) pieces.add();
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0 || crossed.near[i] === 0) continue;
    const x = i % width;
    const y = (i - x) / width;
    for (let dy = -1; dy <= 1; dy++) {
      for (let dx = -1; dx <= 1; dx++) {
        const [nx, ny] = [x + dx, y + dy];
        if (nx < 0 || ny < 0 || nx >= width || ny >= height) continue;
        const n = ny * width + nx;
        if (data[n] === 1 && !crossed.between(x, y, dx, dy)) pieces.join(pieceOf[i]!, pieceOf[n]!);
      }
    }
  }
  const found = new Map<number, Piece>();
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    const root = pieces.find(pieceOf[i]!);
    pieceOf[i] = root;
    const x = i % width;
    const y = (i - x) / width;
    const piece = found.get(root);
    if (piece === undefined) {
      const box = { x1: x, y1: y, x2: x + 1, y2: y + 1 };
      found.set(root, { root, area: 1, box, before: before.labels[i]! });
    } else {
      piece.area++;
      // In place: there may be a hundred million pixels. Rows come in order.
      const { box } = piece;
      if (x < box.x1) box.x1 = x;
      if (x >= box.x2) box.x2 = x + 1;
      box.y2 = y + 1;
    }
  }
  const perPart = new Map<number, number>();
  for (const piece of found.values()) perPart.set(piece.before, (perPart.get(piece.before) ?? 0) + 1);
  const all = [...found.values()].sort((a, b) => b.area - a.area);
  const [largest, ...others] = all.filter((piece) => perPart.get(piece.before)! > 1);
  if (largest === undefined) return [mask];
  const untouched = all.filter((piece) => perPart.get(piece.before) === 1);
  const kept = new Set([largest, ...untouched].map(({ root }) => root));
  const keptBox = untouched.reduce((box, piece) => uniteBoxes(box, piece.box), largest.box);
  return largestFirst([
    partOf(mask, keptBox, (index) => kept.has(pieceOf[index]!)),
    ...others.map(({ root, box }) => partOf(mask, box, (index) => pieceOf[index] === root)),
  ]);
}

/** What is left in one after a cut; `before` is the label of the connected part that it was of. */
interface Piece {
  root: number;
  area: number;
  box: Box;
  before: number;
}

/** Which links between the centres of neighbouring pixels a line crosses. */
class Links {
  readonly #mask: PlacedMask;
  readonly #segments: { a: Point; b: Point; x1: number; y1: number; x2: number; y2: number }[] = [];
  /** 1 at pixels that have a link which the line may cross. */
  readonly near: Uint8Array;

  constructor(mask: PlacedMask, line: readonly Point[]) {
    this.#mask = mask;
    this.near = new Uint8Array(mask.data.length);
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
      if (last >= first) this.near.fill(1, y * width + first, y * width + last + 1);
    }
  }

  /** Whether the line passes between the pixel in column x and row y and its neighbour. */
  between(x: number, y: number, dx: number, dy: number): boolean {
    if (this.near[y * this.#mask.width + x] === 0) return false;
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

/** The pixels of a box of the part (its own columns and rows) for which `has` says yes to their index. */
function partOf(mask: PlacedMask, box: Box, has: (index: number) => boolean): PlacedMask {
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
