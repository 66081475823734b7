import type { Box } from '../geometry/types';
import { pixelBox } from './bitmap';
import { MaskFormatError } from './errors';
import { compressCounts, decompressCounts, pixelCount, type Rle } from './rle-string';

// Everything here works on runs and never decodes to pixels. Results are canonical: no run of length 0 except
// the first, so equal masks have equal strings.

/** Number of foreground pixels. */
export function rleArea(rle: Rle): number {
  const counts = decompressCounts(rle);
  let area = 0;
  for (let i = 1; i < counts.length; i += 2) area += counts[i]!;
  return area;
}

/**
 * COCO bounding box [x, y, width, height] in whole pixels, as pycocotools' `toBbox`: a run that crosses from
 * one column into the next makes it span the full height. Empty: [0, 0, 0, 0] (also for counts with empty
 * foreground runs, where pycocotools underflows).
 */
export function rleBbox(rle: Rle): [x: number, y: number, width: number, height: number] {
  const counts = decompressCounts(rle);
  const height = rle.size[0];
  let left = -1;
  let right = 0;
  let top = height;
  let bottom = 0;
  let start = 0;
  for (let i = 1; i < counts.length; i += 2) {
    start += counts[i - 1]!;
    const length = counts[i]!;
    if (length === 0) continue;
    const last = start + length - 1;
    const x = Math.floor(start / height);
    const y = start - x * height;
    if (left < 0) left = x;
    right = x;
    if (y + length > height) {
      right = Math.floor(last / height);
      top = 0;
      bottom = height;
    } else {
      if (y < top) top = y;
      if (y + length > bottom) bottom = y + length;
    }
    start = last + 1;
  }
  return left < 0 ? [0, 0, 0, 0] : [left, top, right - left + 1, bottom - top];
}

/** {@link rleBbox} as a half-open box, or null when the mask is empty. */
export function rleBox(rle: Rle): Box | null {
  const [x, y, width, height] = rleBbox(rle);
  return width === 0 ? null : { x1: x, y1: y, x2: x + width, y2: y + height };
}

/** Pixel counts of intersection and union. Throws {@link MaskFormatError} for masks of different sizes. */
export function rleIntersectionUnion(a: Rle, b: Rle): { intersection: number; union: number } {
  requireSameSize(a, b);
  const { intersection, areaA, areaB } = overlap(decompressCounts(a), decompressCounts(b));
  return { intersection, union: areaA + areaB - intersection };
}

/**
 * Intersection over union as pycocotools' `iou`: 0 when nothing is common, two empty masks included. With
 * `crowd`, `b` is a crowd region and the denominator is the area of `a`.
 */
export function rleIou(a: Rle, b: Rle, crowd = false): number {
  requireSameSize(a, b);
  const { intersection, areaA, areaB } = overlap(decompressCounts(a), decompressCounts(b));
  if (intersection === 0) return 0;
  return intersection / (crowd ? areaA : areaA + areaB - intersection);
}

/** Union or intersection of one or more masks of one size (pycocotools' `merge`). */
export function mergeRles(rles: readonly Rle[], operation: 'union' | 'intersection'): Rle {
  const [first, ...rest] = rles;
  if (first === undefined) throw new MaskFormatError('Merging needs at least one run-length encoding.');
  let counts = decompressCounts(first);
  for (const rle of rest) {
    requireSameSize(first, rle);
    counts = combine(counts, decompressCounts(rle), operation);
  }
  return { size: [first.size[0], first.size[1]], counts: compressCounts(counts) };
}

/** Foreground of `a` that is not foreground of `b`. */
export function subtractRle(a: Rle, b: Rle): Rle {
  requireSameSize(a, b);
  const counts = combine(decompressCounts(a), decompressCounts(b), 'difference');
  return { size: [a.size[0], a.size[1]], counts: compressCounts(counts) };
}

/** A mask without foreground. */
export function emptyRle(size: readonly [height: number, width: number]): Rle {
  return { size: [size[0], size[1]], counts: compressCounts([pixelCount(size)]) };
}

export function isEmptyRle(rle: Rle): boolean {
  return rleArea(rle) === 0;
}

/**
 * The part of a mask in a box (mask pixels), which is rounded outwards to whole pixels and clamped; the
 * same pixels as `cropBitmap`. Throws RangeError when nothing of the box lies on the mask.
 */
export function cropRle(rle: Rle, box: Box): Rle {
  const counts = decompressCounts(rle);
  const height = rle.size[0];
  const { x1, y1, x2, y2 } = pixelBox(box, rle.size[1], height);
  const size: Rle['size'] = [y2 - y1, x2 - x1];
  const writer = new RunWriter();
  let start = 0;
  for (let i = 1; i < counts.length; i += 2) {
    start += counts[i - 1]!;
    const end = start + counts[i]!;
    let x = Math.max(x1, Math.floor(start / height));
    for (; x < x2 && x * height < end; x++) {
      const from = Math.max(start, x * height + y1);
      const to = Math.min(end, x * height + y2);
      const shift = (x - x1) * size[0] - (x * height + y1);
      if (to > from) writer.add(from + shift, to + shift);
    }
    start = end;
  }
  return { size, counts: compressCounts(writer.finish(size[0] * size[1])) };
}

function requireSameSize(a: Rle, b: Rle): void {
  if (a.size[0] !== b.size[0] || a.size[1] !== b.size[1]) {
    throw new MaskFormatError(
      `Run-length encodings of different sizes: [${a.size.join(', ')}] and [${b.size.join(', ')}] ` +
        '(height, width).',
    );
  }
}

/** Areas and common area, by walking the foreground intervals of both masks. */
function overlap(a: Uint32Array, b: Uint32Array): { intersection: number; areaA: number; areaB: number } {
  let intersection = 0;
  let areaA = 0;
  let areaB = 0;
  for (let i = 1; i < a.length; i += 2) areaA += a[i]!;
  for (let i = 1; i < b.length; i += 2) areaB += b[i]!;
  // Foreground intervals [startA, endA) and [startB, endB); `i` and `j` are their runs.
  let i = 1;
  let j = 1;
  if (a.length > 1 && b.length > 1) {
    let startA = a[0]!;
    let endA = startA + a[1]!;
    let startB = b[0]!;
    let endB = startB + b[1]!;
    for (;;) {
      const common = Math.min(endA, endB) - Math.max(startA, startB);
      if (common > 0) intersection += common;
      if (endA <= endB) {
        i += 2;
        if (i >= a.length) break;
        startA = endA + a[i - 1]!;
        endA = startA + a[i]!;
      } else {
        j += 2;
        if (j >= b.length) break;
        startB = endB + b[j - 1]!;
        endB = startB + b[j]!;
      }
    }
  }
  return { intersection, areaA, areaB };
}

/** Run lengths of the combination of two masks with the same number of pixels. */
function combine(
  a: Uint32Array,
  b: Uint32Array,
  operation: 'union' | 'intersection' | 'difference',
): Uint32Array<ArrayBuffer> {
  const result = new Uint32Array(a.length + b.length + 1);
  // Bit n of the table: the result for inA + 2 · inB = n.
  const table = { union: 0b1110, intersection: 0b1000, difference: 0b0010 }[operation];
  let length = 0;
  let run = 0;
  let value = 0;
  let i = 0;
  let j = 0;
  let restA = a[0]!;
  let restB = b[0]!;
  for (;;) {
    // Pass over used-up runs, those of length 0 too.
    while (restA === 0 && i + 1 < a.length) restA = a[++i]!;
    while (restB === 0 && j + 1 < b.length) restB = b[++j]!;
    if (restA === 0 || restB === 0) break;
    const step = Math.min(restA, restB);
    const next = (table >> ((i & 1) | ((j & 1) << 1))) & 1;
    if (next !== value) {
      result[length++] = run;
      run = 0;
      value = next;
    }
    run += step;
    restA -= step;
    restB -= step;
  }
  result[length++] = run;
  return result.subarray(0, length);
}

/** Builds canonical run lengths from foreground intervals in ascending order; adjacent ones are joined. */
class RunWriter {
  private counts: number[] = [];
  private end = 0;

  add(from: number, to: number): void {
    const last = this.counts.length - 1;
    if (from === this.end && last >= 0) this.counts[last]! += to - from;
    else this.counts.push(from - this.end, to - from);
    this.end = to;
  }

  finish(pixels: number): number[] {
    if (this.end < pixels || this.counts.length === 0) this.counts.push(pixels - this.end);
    return this.counts;
  }
}
