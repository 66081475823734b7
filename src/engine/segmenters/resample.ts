/**
 * Bilinear resizing of 8-bit RGB with Pillow's antialiasing and rounding, which is what the reference
 * implementations of SAM feed their encoders with (torchvision's resize of a PIL image). Measured on four COCO
 * photographs against Pillow: libvips (sharp) with kernel `linear` differs by 0.1–0.2 grey levels in the mean when
 * it shrinks, but by 1.5–6.6 (at most 97) when it enlarges, and its other kernels by more; encoders enlarge
 * most photographs. This is exact, hence not sharp.
 */
import type { RgbImage } from './segmenter';

/** Pillow keeps 32 − 8 − 2 bits of a weight for 8-bit channels. */
const precisionBits = 22;
const half = 1 << (precisionBits - 1);

interface Weights {
  /** First source sample and number of samples, for every output sample. */
  start: Int32Array;
  count: Int32Array;
  /** `taps` fixed-point weights for every output sample. */
  weights: Int32Array;
  taps: number;
}

/** Triangle filter, widened when shrinking. Weights are not negative and add up to 1: sums stay in 0..255. Source: Pillow, Resample.c, precompute_coeffs. */
function triangleWeights(from: number, to: number): Weights {
  const scale = from / to;
  const filterScale = Math.max(1, scale);
  const support = filterScale;
  const taps = Math.ceil(support) * 2 + 1;
  const start = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * taps);
  const raw = new Float64Array(taps);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(from, Math.trunc(centre + support + 0.5));
    let sum = 0;
    for (let k = 0; k < last - first; k++) {
      const weight = Math.max(0, 1 - Math.abs((k + first - centre + 0.5) / filterScale));
      raw[k] = weight;
      sum += weight;
    }
    start[i] = first;
    count[i] = last - first;
    for (let k = 0; k < last - first; k++) {
      weights[i * taps + k] = Math.trunc(0.5 + ((raw[k] ?? 0) / sum) * 2 ** precisionBits);
    }
  }
  return { start, count, weights, taps };
}

/**
 * Resizes to width × height pixels. A side that does not change is not filtered.
 *
 * @returns row-major RGB, 3 bytes a pixel; the input itself when nothing changes
 */
export function resizeBilinear(image: RgbImage, width: number, height: number): RgbImage {
  let result = image;
  if (width !== image.width) result = resizeRows(result, width);
  if (height !== image.height) result = resizeColumns(result, height);
  return result;
}

function resizeRows(image: RgbImage, width: number): RgbImage {
  const { start, count, weights, taps } = triangleWeights(image.width, width);
  const { data } = image;
  const out = new Uint8Array(width * image.height * 3);
  for (let y = 0, o = 0; y < image.height; y++) {
    const row = y * image.width * 3;
    for (let x = 0; x < width; x++, o += 3) {
      let p = row + start[x]! * 3;
      const w = x * taps;
      const n = count[x]!;
      let r = half;
      let g = half;
      let b = half;
      for (let k = 0; k < n; k++, p += 3) {
        const weight = weights[w + k]!;
        r += data[p]! * weight;
        g += data[p + 1]! * weight;
        b += data[p + 2]! * weight;
      }
      out[o] = r >> precisionBits;
      out[o + 1] = g >> precisionBits;
      out[o + 2] = b >> precisionBits;
    }
  }
  return { width, height: image.height, data: out };
}

function resizeColumns(image: RgbImage, height: number): RgbImage {
  const { start, count, weights, taps } = triangleWeights(image.height, height);
  const { data } = image;
  const stride = image.width * 3;
  const out = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    const n = count[y]!;
    if (n === 2) {
      // Nearly every row of a picture that is made larger; without sums in between it takes half the time.
      const [upper, lower] = [weights[y * taps]!, weights[y * taps + 1]!];
      const row = start[y]! * stride;
      const o = y * stride;
      for (let i = 0; i < stride; i++) {
        out[o + i] = (half + data[row + i]! * upper + data[row + stride + i]! * lower) >> precisionBits;
      }
      continue;
    }
    sums.fill(half);
    for (let k = 0; k < n; k++) {
      const weight = weights[y * taps + k]!;
      const row = (start[y]! + k) * stride;
      for (let i = 0; i < stride; i++) sums[i]! += data[row + i]! * weight;
    }
    const o = y * stride;
    for (let i = 0; i < stride; i++) out[o + i] = sums[i]! >> precisionBits;
  }
  return { width: image.width, height, data: out };
}
