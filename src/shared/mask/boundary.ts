import { type Bitmap, createBitmap } from './bitmap';
import { distanceTransform } from './distance';

/**
 * Boundary F measure of the DAVIS benchmark (Perazzi et al., 2016; `db_eval_boundary` with `seg2bmap`): the
 * harmonic mean of the shares of either mask's boundary pixels that lie within a tolerance of the other's
 * boundary. 0..1; 1 where neither mask has a boundary, 0 where one of them has none.
 *
 * @param tolerance in pixels from 1 on; below 1 a fraction of the image diagonal, rounded up to whole pixels
 */
export function boundaryF(prediction: Bitmap, truth: Bitmap, tolerance = 0.008): number {
  if (prediction.width !== truth.width || prediction.height !== truth.height) {
    throw new RangeError(
      `Masks of different sizes: ${prediction.width} × ${prediction.height} and ` +
        `${truth.width} × ${truth.height} pixels.`,
    );
  }
  const radius = tolerance >= 1 ? tolerance : Math.ceil(tolerance * Math.hypot(truth.width, truth.height));
  const found = boundaryPixels(prediction);
  const wanted = boundaryPixels(truth);
  const precision = shareWithin(found, wanted, radius);
  const recall = shareWithin(wanted, found, radius);
  return precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
}

/** Pixels that differ from their neighbour on the right, below, or both (inside the image). */
function boundaryPixels({ width, height, data }: Bitmap): Bitmap {
  const boundary = createBitmap(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      const right = x + 1 < width ? p + 1 : p;
      const below = y + 1 < height ? p + width : p;
      // In the last row and column the diagonal neighbour is one of the others.
      const differs =
        data[p] !== data[right] || data[p] !== data[below] || data[p] !== data[right + below - p];
      boundary.data[p] = differs ? 1 : 0;
    }
  }
  return boundary;
}

/** The share of the pixels of `of` that have a pixel of `near` within `radius`; 1 when there are none to check. */
function shareWithin(of: Bitmap, near: Bitmap, radius: number): number {
  // Distances are measured to the nearest 0.
  const distances = distanceTransform({ ...near, data: near.data.map((value) => value ^ 1) });
  let count = 0;
  let close = 0;
  for (let p = 0; p < of.data.length; p++) {
    if (of.data[p] === 0) continue;
    count++;
    if (distances[p]! <= radius) close++;
  }
  return count === 0 ? 1 : close / count;
}
