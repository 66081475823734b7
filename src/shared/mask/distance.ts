import type { Point } from '../geometry/types';
import { type Bitmap, bitmapBox, cropBitmap } from './bitmap';

/**
 * Exact Euclidean distance, in pixels, from every foreground pixel's centre to the nearest background pixel's
 * centre; 0 on background. Row-major float32, length width × height. Infinity everywhere when there is no
 * background at all.
 *
 * Lower envelope of parabolas, one pass along each axis: P. Felzenszwalb and D. Huttenlocher, "Distance
 * Transforms of Sampled Functions" (2012). Agrees with OpenCV's `distanceTransform(DIST_L2, DIST_MASK_PRECISE)`.
 *
 * @param borderIsBackground counts the pixels just outside the mask as background, as padding the mask by
 *   one pixel does
 */
export function distanceTransform(bitmap: Bitmap, borderIsBackground = false): Float32Array {
  const { width, height, data } = bitmap;
  // Vertical distances first: exact integers from one sweep down and one up.
  const far = width + height;
  const vertical = new Int32Array(width * height);
  for (let x = 0; x < width; x++) {
    let distance = borderIsBackground ? 0 : far;
    for (let p = x; p < vertical.length; p += width) {
      distance = data[p] === 0 ? 0 : distance + 1;
      vertical[p] = Math.min(distance, far);
    }
    distance = borderIsBackground ? 0 : far;
    for (let p = vertical.length - width + x; p >= 0; p -= width) {
      distance = data[p] === 0 ? 0 : distance + 1;
      if (distance < vertical[p]!) vertical[p] = distance;
    }
  }
  const result = new Float32Array(width * height);
  const envelope = new LowerEnvelope(width + 2);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    envelope.clear();
    if (borderIsBackground) envelope.add(-1, 0);
    for (let x = 0; x < width; x++) {
      const distance = vertical[row + x]!;
      if (distance < far) envelope.add(x, distance * distance);
    }
    if (borderIsBackground) envelope.add(width, 0);
    envelope.squareRoots(result, row, width);
  }
  return result;
}

/**
 * The foreground pixel that lies deepest inside the mask: the greatest distance to the outside, where the
 * outside includes what lies beyond the border (the mask is padded by one pixel, as in the click simulation
 * of RITM and its successors). Of equal pixels the first in reading order.
 *
 * @param exclude points (mask pixels, float) whose pixels may not be chosen, such as those clicked before
 * @returns the centre of that pixel, that is (column + 0.5, row + 0.5), and its distance in pixels; null when no
 *   pixel is left
 */
export function interiorMaximum(
  bitmap: Bitmap,
  exclude: readonly Point[] = [],
): { x: number; y: number; distance: number } | null {
  const box = bitmapBox(bitmap);
  if (box === null) return null;
  // Beyond its box the mask is background, and so is the padding: the part has the same distances.
  const part = cropBitmap(bitmap, box);
  const distances = distanceTransform(part, true);
  for (const point of exclude) {
    const x = Math.floor(point.x) - box.x1;
    const y = Math.floor(point.y) - box.y1;
    if (x >= 0 && x < part.width && y >= 0 && y < part.height) distances[y * part.width + x] = 0;
  }
  let best = -1;
  let greatest = 0;
  for (let i = 0; i < distances.length; i++) {
    if (distances[i]! > greatest) {
      greatest = distances[i]!;
      best = i;
    }
  }
  if (best < 0) return null;
  return {
    x: box.x1 + (best % part.width) + 0.5,
    y: box.y1 + Math.floor(best / part.width) + 0.5,
    distance: greatest,
  };
}

/** The lower envelope of parabolas (x − center)² + offset, added in ascending order of their centres. */
class LowerEnvelope {
  private readonly centers: Int32Array;
  private readonly offsets: Float64Array;
  /** starts[i]: from where on parabola i is the lowest one. */
  private readonly starts: Float64Array;
  private length = 0;

  constructor(capacity: number) {
    this.centers = new Int32Array(capacity);
    this.offsets = new Float64Array(capacity);
    this.starts = new Float64Array(capacity);
  }

  clear(): void {
    this.length = 0;
  }

  add(center: number, offset: number): void {
    const { centers, offsets, starts } = this;
    let start = Number.NEGATIVE_INFINITY;
    while (this.length > 0) {
      const i = this.length - 1;
      const last = centers[i]!;
      start = (offset - offsets[i]! + center * center - last * last) / (2 * (center - last));
      if (start > starts[i]!) break;
      this.length = i;
      start = Number.NEGATIVE_INFINITY;
    }
    centers[this.length] = center;
    offsets[this.length] = offset;
    starts[this.length++] = start;
  }

  squareRoots(target: Float32Array, from: number, count: number): void {
    const { centers, offsets, starts, length } = this;
    if (length === 0) {
      target.fill(Number.POSITIVE_INFINITY, from, from + count);
      return;
    }
    let i = 0;
    for (let x = 0; x < count; x++) {
      while (i + 1 < length && starts[i + 1]! < x) i++;
      const dx = x - centers[i]!;
      target[from + x] = Math.sqrt(dx * dx + offsets[i]!);
    }
  }
}
