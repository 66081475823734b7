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
  const [first, ...rest] = parts.map(({ outer }) => (tolerance > 0 ? simplifyRing(outer, tolerance) : outer));
  if (first === undefined) return null;
  let ring = first;
  for (const part of rest) ring = joinRings(ring, part);
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

/** One ring that walks `a` to its corner nearest to `b`, around `b` and back. */
function joinRings(a: Ring, b: Ring): Ring {
  let best = { i: 0, j: 0, distance: Number.POSITIVE_INFINITY };
  for (let i = 0; i < a.length; i += 2) {
    for (let j = 0; j < b.length; j += 2) {
      const distance = (a[i]! - b[j]!) ** 2 + (a[i + 1]! - b[j + 1]!) ** 2;
      if (distance < best.distance) best = { i, j, distance };
    }
  }
  const around = [...b.slice(best.j), ...b.slice(0, best.j), b[best.j]!, b[best.j + 1]!];
  return [...a.slice(0, best.i + 2), ...around, ...a.slice(best.i)];
}
