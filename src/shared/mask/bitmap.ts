import type { Box } from '../geometry/types';
import { MaskFormatError } from './errors';
import { wordView } from './words';

/**
 * A binary mask. `data` is row-major, one byte a pixel, 0 or 1, length width × height; the pixel in column x
 * and row y is `data[y * width + x]`. Frame: pixels of whatever image or view the mask belongs to.
 */
export interface Bitmap {
  width: number;
  height: number;
  data: Uint8Array;
}

/** An empty mask. Throws RangeError unless both sides are positive integers. */
export function createBitmap(width: number, height: number): Bitmap {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1) {
    throw new RangeError(`A mask needs positive integer sides, got ${width} × ${height}.`);
  }
  return { width, height, data: new Uint8Array(width * height) };
}

/**
 * Foreground where the logit is greater than `threshold` (SAM: 0); NaN is background.
 *
 * @param logits row-major float32, length width × height
 */
export function bitmapFromLogits(logits: Float32Array, width: number, height: number, threshold = 0): Bitmap {
  const bitmap = createBitmap(width, height);
  const { data } = bitmap;
  if (logits.length !== data.length) {
    throw new MaskFormatError(`${logits.length} logits given for a mask of ${width} × ${height} pixels.`);
  }
  for (let i = 0; i < data.length; i++) data[i] = logits[i]! > threshold ? 1 : 0;
  return bitmap;
}

/** Number of foreground pixels. */
export function bitmapArea(bitmap: Bitmap): number {
  const { data } = bitmap;
  const words = wordView(data);
  let area = 0;
  let i = 0;
  if (words !== null) {
    // The multiplication adds the four bytes of a word in its highest byte.
    for (let w = 0; w < words.length; w++) area += Math.imul(words[w]!, 0x01010101) >>> 24;
    i = words.length * 4;
  }
  for (; i < data.length; i++) area += data[i]!;
  return area;
}

/** The smallest box (whole pixels, half-open) around the foreground, or null when there is none. */
export function bitmapBox(bitmap: Bitmap): Box | null {
  const { width, data } = bitmap;
  const first = data.indexOf(1);
  if (first < 0) return null;
  const y1 = Math.floor(first / width);
  const y2 = Math.floor(data.lastIndexOf(1) / width) + 1;
  let x1 = width;
  let x2 = 0;
  for (let y = y1; y < y2; y++) {
    const row = y * width;
    let x = 0;
    while (x < x1 && data[row + x] === 0) x++;
    x1 = x;
    x = width;
    while (x > x2 && data[row + x - 1] === 0) x--;
    x2 = x;
  }
  return { x1, y1, x2, y2 };
}

/** Whether both masks have the same size and the same pixels. */
export function equalBitmaps(a: Bitmap, b: Bitmap): boolean {
  if (a.width !== b.width || a.height !== b.height) return false;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}

/**
 * The pixels of a box, which is rounded outwards to whole pixels and clamped to the mask.
 * Throws RangeError when nothing of the box lies on the mask.
 */
export function cropBitmap(bitmap: Bitmap, box: Box): Bitmap {
  const { x1, y1, x2, y2 } = pixelBox(box, bitmap.width, bitmap.height);
  const cropped = createBitmap(x2 - x1, y2 - y1);
  for (let y = y1; y < y2; y++) {
    const row = y * bitmap.width;
    cropped.data.set(bitmap.data.subarray(row + x1, row + x2), (y - y1) * cropped.width);
  }
  return cropped;
}

/**
 * A copy of `target` whose pixels under `source`, placed with its top left pixel in column x and row y (whole
 * numbers, may be negative), are those of `source`. What falls outside `target` is dropped.
 */
export function pasteBitmap(target: Bitmap, source: Bitmap, x: number, y: number): Bitmap {
  const result = { width: target.width, height: target.height, data: target.data.slice() };
  const left = Math.max(0, x);
  const right = Math.min(target.width, x + source.width);
  if (right <= left) return result;
  const bottom = Math.min(target.height, y + source.height);
  for (let row = Math.max(0, y); row < bottom; row++) {
    const from = (row - y) * source.width - x;
    result.data.set(source.data.subarray(from + left, from + right), row * target.width + left);
  }
  return result;
}

/** Foreground in either mask. Sizes must be equal. */
export function unionBitmaps(a: Bitmap, b: Bitmap): Bitmap {
  const result = emptyLike(a, b);
  for (let i = 0; i < result.data.length; i++) result.data[i] = a.data[i]! | b.data[i]!;
  return result;
}

/** Foreground in both masks. Sizes must be equal. */
export function intersectBitmaps(a: Bitmap, b: Bitmap): Bitmap {
  const result = emptyLike(a, b);
  for (let i = 0; i < result.data.length; i++) result.data[i] = a.data[i]! & b.data[i]!;
  return result;
}

/** Foreground in `a` but not in `b`. Sizes must be equal. */
export function subtractBitmaps(a: Bitmap, b: Bitmap): Bitmap {
  const result = emptyLike(a, b);
  const of = wordView(a.data);
  const less = wordView(b.data);
  const into = wordView(result.data);
  let i = 0;
  if (of && less && into) {
    for (let w = 0; w < into.length; w++) into[w] = of[w]! & ~less[w]!;
    i = into.length * 4;
  }
  for (; i < result.data.length; i++) result.data[i] = a.data[i]! & (b.data[i]! ^ 1);
  return result;
}

/** Pixel counts of intersection and union. Sizes must be equal. */
export function bitmapIntersectionUnion(a: Bitmap, b: Bitmap): { intersection: number; union: number } {
  requireSameSize(a, b);
  let intersection = 0;
  let union = 0;
  let i = 0;
  const one = wordView(a.data);
  const other = wordView(b.data);
  if (one && other) {
    // As in bitmapArea; most words of two masks are empty.
    for (let w = 0; w < one.length; w++) {
      const either = one[w]! | other[w]!;
      if (either === 0) continue;
      union += Math.imul(either, 0x01010101) >>> 24;
      intersection += Math.imul(one[w]! & other[w]!, 0x01010101) >>> 24;
    }
    i = one.length * 4;
  }
  for (; i < a.data.length; i++) {
    intersection += a.data[i]! & b.data[i]!;
    union += a.data[i]! | b.data[i]!;
  }
  return { intersection, union };
}

/**
 * Intersection over union in 0..1. Two empty masks agree: 1. (The IoU of pycocotools, `rleIou`, is 0 there;
 * the data set metrics have rules of their own, see metrics.ts.)
 */
export function bitmapIou(a: Bitmap, b: Bitmap): number {
  const { intersection, union } = bitmapIntersectionUnion(a, b);
  return union === 0 ? 1 : intersection / union;
}

/** A box rounded outwards to whole pixels and clamped to width × height; RangeError when nothing is left. */
export function pixelBox(box: Box, width: number, height: number): Box {
  const x1 = Math.max(0, Math.floor(box.x1));
  const y1 = Math.max(0, Math.floor(box.y1));
  const x2 = Math.min(width, Math.ceil(box.x2));
  const y2 = Math.min(height, Math.ceil(box.y2));
  // Written so that NaN is refused as well.
  if (!(x2 > x1 && y2 > y1)) {
    throw new RangeError(
      `The box (${box.x1}, ${box.y1})–(${box.x2}, ${box.y2}) has no pixel on a mask of ${width} × ${height}.`,
    );
  }
  return { x1, y1, x2, y2 };
}

function emptyLike(a: Bitmap, b: Bitmap): Bitmap {
  requireSameSize(a, b);
  return createBitmap(a.width, a.height);
}

function requireSameSize(a: Bitmap, b: Bitmap): void {
  if (a.width !== b.width || a.height !== b.height) {
    throw new RangeError(
      `Masks of different sizes: ${a.width} × ${a.height} and ${b.width} × ${b.height} pixels.`,
    );
  }
}
