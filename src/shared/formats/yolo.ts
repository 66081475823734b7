import type { Size } from '../geometry/types';
import type { Bitmap } from '../mask/bitmap';
import { fillPolygonsOpenCv, maskToPixelRings, type Ring, simplifyRing } from '../mask/polygon';

/**
 * YOLO segmentation rows: `class x1 y1 x2 y2 …`, coordinates as fractions of the image's sides. A polygon means the
 * mask that Ultralytics makes of it: coordinates times the sides, fractions of a pixel cut off, drawn by OpenCV's
 * fillPoly with its outline.
 */

export type YoloRow =
  | { kind: 'polygon'; classIndex: number; coordinates: number[]; text: string }
  | { kind: 'box'; classIndex: number }
  | { kind: 'bad'; reason: string };

/** Coordinates may lie this far outside of the image, as Ultralytics allows. */
const slack = 0.01;

/** Parses one line that is not empty. `text` is the part with the coordinates, as it came. */
export function parseYoloRow(line: string): YoloRow {
  const tokens = line.trim().split(/\s+/);
  const classIndex = Number(tokens[0]);
  if (!Number.isInteger(classIndex) || classIndex < 0)
    return { kind: 'bad', reason: `"${tokens[0] ?? ''}" is no class number` };
  const coordinates = tokens.slice(1).map(Number);
  const bad = coordinates.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) return { kind: 'bad', reason: `"${tokens[bad + 1] ?? ''}" is no number` };
  if (coordinates.length < 4) return { kind: 'bad', reason: `it has ${coordinates.length} coordinates` };
  const outside = coordinates.find((value) => value < -slack || value > 1 + slack);
  if (outside !== undefined)
    return { kind: 'bad', reason: `the coordinate ${outside} is not between 0 and 1` };
  // Six values are a box with a confidence, as Ultralytics writes predictions.
  if (coordinates.length <= 5) return { kind: 'box', classIndex };
  if (coordinates.length % 2 !== 0)
    return { kind: 'bad', reason: `it has ${coordinates.length} coordinates, an odd number` };
  return { kind: 'polygon', classIndex, coordinates, text: tokens.slice(1).join(' ') };
}

/** The mask that a row's coordinates mean in an image of this size. It may be empty. */
export function yoloMask(coordinates: readonly number[], size: Size): Bitmap {
  const ring = coordinates.map((value, index) => value * (index % 2 === 0 ? size.width : size.height));
  return fillPolygonsOpenCv([ring], size);
}

/** A mask as one polygon, and what that could not express. */
export interface YoloOutline {
  /** Coordinates as they are written after the class, 0..1. */
  text: string;
  /** Holes that are filled: a YOLO row has none. */
  filledHoles: number;
  /** Parts that were joined by lines of one pixel, as Ultralytics' `merge_multi_segment` does; 1: nothing to join. */
  parts: number;
}

/** Null for an empty mask. `tolerance` in pixels: how far the outline may move to have fewer points; 0: exact. */
export function yoloOutline(mask: Bitmap, tolerance = 0): YoloOutline | null {
  const parts = maskToPixelRings(mask);
  if (parts.length === 0) return null;
  let ring = joinRings(parts.map(({ outer }) => (tolerance > 0 ? simplifyRing(outer, tolerance) : outer)));
  // Readers ask for three points at least.
  while (ring.length < 6) ring = [...ring, ...ring.slice(0, 2)];
  return {
    text: ring.map((value, index) => fraction(value, index % 2 === 0 ? mask.width : mask.height)).join(' '),
    filledHoles: parts.reduce((sum, part) => sum + part.holes.length, 0),
    parts: parts.length,
  };
}

/** A quarter into the pixel: the same pixel for readers that cut off (Ultralytics) and that round (supervision). */
function fraction(pixel: number, side: number): string {
  return String(Number(((pixel + 0.25) / side).toFixed(7)));
}

interface JoinedPart {
  ring: Ring;
  /** Corner where the walk comes in, as an index into `ring`. */
  entry: number;
  /** Parts that are joined to this one, by the index of the corner where the walk leaves for them. */
  next: Map<number, JoinedPart[]>;
}

/**
 * One ring that walks around all of them: every part is joined by a line there and back to a part near it, so that the
 * lines are short (the smallest tree of the middles). Quadratic in the number of parts, a few steps each.
 */
function joinRings(rings: readonly Ring[]): Ring {
  const parts = rings.map((ring): JoinedPart => ({ ring, entry: 0, next: new Map() }));
  const [root] = parts;
  if (root === undefined || parts.length === 1) return rings[0] ?? [];
  const middles = rings.map(middle);
  const nearest = new Int32Array(parts.length);
  const distances = new Float64Array(parts.length).fill(Number.POSITIVE_INFINITY);
  const open = parts.map((_, index) => index);
  let latest = 0;
  open.shift();
  while (open.length > 0) {
    let best = 0;
    for (let k = 0; k < open.length; k++) {
      const index = open[k]!;
      const distance =
        (middles[index]!.x - middles[latest]!.x) ** 2 + (middles[index]!.y - middles[latest]!.y) ** 2;
      if (distance < distances[index]!) {
        distances[index] = distance;
        nearest[index] = latest;
      }
      if (distances[index]! < distances[open[best]!]!) best = k;
    }
    latest = open[best]!;
    open[best] = open[open.length - 1]!;
    open.pop();
    const part = parts[latest]!;
    const parent = parts[nearest[latest]!]!;
    const { i, j } = nearestCorners(parent.ring, part.ring);
    part.entry = j;
    parent.next.set(i, [...(parent.next.get(i) ?? []), part]);
  }
  return walkAround(root);
}

function middle(ring: Ring): { x: number; y: number } {
  let [x, y] = [0, 0];
  for (let i = 0; i < ring.length; i += 2) {
    x += ring[i]!;
    y += ring[i + 1]!;
  }
  return { x: (2 * x) / ring.length, y: (2 * y) / ring.length };
}

/** Pairs of corners that are compared at most; with more, the corner nearest to the other's first one is good enough. */
const comparedPairs = 1_000_000;

function nearestCorners(a: Ring, b: Ring): { i: number; j: number } {
  const search = (from: Ring, to: Ring): { i: number; j: number } => {
    let best = { i: 0, j: 0, distance: Number.POSITIVE_INFINITY };
    for (let i = 0; i < from.length; i += 2) {
      for (let j = 0; j < to.length; j += 2) {
        const distance = (from[i]! - to[j]!) ** 2 + (from[i + 1]! - to[j + 1]!) ** 2;
        if (distance < best.distance) best = { i, j, distance };
      }
    }
    return best;
  };
  if (a.length * b.length <= 4 * comparedPairs) return search(a, b);
  const { i } = search(a, b.slice(0, 2));
  const { j } = search(a.slice(i, i + 2), b);
  return { i, j };
}

/** Around a part and, where others are joined, around these and back. A stack: the tree may be as deep as it is long. */
function walkAround(root: JoinedPart): Ring {
  const out: number[] = [];
  const stack = [{ part: root, step: 0, children: 0 }];
  for (let top = stack[0]; top !== undefined; top = stack[stack.length - 1]) {
    const { ring, entry, next } = top.part;
    if (top.step >= ring.length) {
      if (top.part !== root) out.push(ring[entry]!, ring[entry + 1]!);
      stack.pop();
      continue;
    }
    const at = (entry + top.step) % ring.length;
    out.push(ring[at]!, ring[at + 1]!);
    const child = next.get(at)?.[top.children];
    if (child === undefined) {
      top.step += 2;
      top.children = 0;
    } else {
      top.children += 1;
      stack.push({ part: child, step: 0, children: 0 });
    }
  }
  return out;
}
