/** Logits of one size as a mask of another. */
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';

/** A row-major plane of logits inside a larger buffer, and the part of it that shows the image. */
export interface LogitPlane {
  data: Float32Array;
  /** Index of the first logit. */
  offset: number;
  width: number;
  height: number;
  /** Size of the part from the top left that shows the image, in samples (float); the rest is padding. */
  contentWidth: number;
  contentHeight: number;
}

/**
 * Bilinear resampling with pixel centres at half coordinates and no antialiasing (torch's interpolate with
 * align_corners=False, OpenCV's INTER_LINEAR), then foreground where the logit is greater than 0.
 */
export function maskFromLogits(plane: LogitPlane, width: number, height: number): Bitmap {
  const mask = createBitmap(width, height);
  const columns = positions(plane.contentWidth, plane.width, width);
  const rows = positions(plane.contentHeight, plane.height, height);
  const { data, offset } = plane;
  // One source row, resampled along x, is used for many output rows when enlarging.
  let upperRow = -1;
  let lowerRow = -1;
  let upper = new Float32Array(width);
  let lower = new Float32Array(width);
  const resampleRow = (row: number, into: Float32Array): void => {
    const start = offset + row * plane.width;
    for (let x = 0; x < width; x++) {
      const left = data[start + columns.low[x]!]!;
      into[x] = left + (data[start + columns.high[x]!]! - left) * columns.fraction[x]!;
    }
  };
  for (let y = 0; y < height; y++) {
    const low = rows.low[y]!;
    const high = rows.high[y]!;
    if (low !== upperRow) {
      if (low === lowerRow) {
        [upper, lower] = [lower, upper];
        lowerRow = -1;
      } else resampleRow(low, upper);
      upperRow = low;
    }
    if (high !== lowerRow) {
      resampleRow(high, lower);
      lowerRow = high;
    }
    const fraction = rows.fraction[y]!;
    const o = y * width;
    for (let x = 0; x < width; x++) {
      const top = upper[x]!;
      if (top + (lower[x]! - top) * fraction > 0) mask.data[o + x] = 1;
    }
  }
  return mask;
}

interface Positions {
  low: Int32Array;
  high: Int32Array;
  fraction: Float32Array;
}

/** Source samples and weights for every output sample; `content` of `available` samples are stretched over `to`. */
function positions(content: number, available: number, to: number): Positions {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const fraction = new Float32Array(to);
  const last = Math.min(available, Math.ceil(content)) - 1;
  const scale = content / to;
  for (let i = 0; i < to; i++) {
    const at = Math.min(last, Math.max(0, (i + 0.5) * scale - 0.5));
    low[i] = Math.floor(at);
    high[i] = Math.min(last, Math.floor(at) + 1);
    fraction[i] = at - Math.floor(at);
  }
  return { low, high, fraction };
}
