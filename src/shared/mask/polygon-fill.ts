import type { Size } from '../geometry/types';
import { type Bitmap, createBitmap } from './bitmap';
import { type PolygonPart, requireRing } from './polygon-ring';

/**
 * Fills parts by the pixel-centre rule: a pixel belongs to a part when its centre (x + 0.5, y + 0.5) lies inside
 * an odd number of the part's rings (on a left or top side counts as inside, on a right or bottom side does
 * not). The mask is the union of the parts. Inverts `maskToPolygons` exactly.
 */
export function polygonsToMask(parts: readonly PolygonPart[], size: Size): Bitmap {
  const mask = createBitmap(size.width, size.height);
  const { data } = mask;
  const stride = size.width + 1;
  for (const part of parts) {
    const rings = [part.outer, ...part.holes];
    let top = size.height;
    let bottom = 0;
    for (const ring of rings) {
      requireRing(ring);
      for (let i = 1; i < ring.length; i += 2) {
        top = Math.min(top, ring[i]!);
        bottom = Math.max(bottom, ring[i]!);
      }
    }
    const firstRow = Math.max(0, Math.floor(top));
    const endRow = Math.min(size.height, Math.ceil(bottom));
    if (endRow <= firstRow) continue;
    // Every side flips all pixels of a row whose centres lie to its right; a running xor gives the parity.
    const flips = new Uint8Array((endRow - firstRow) * stride);
    for (const ring of rings) markFlips(ring, flips, stride, firstRow, endRow);
    for (let y = firstRow; y < endRow; y++) {
      const from = (y - firstRow) * stride;
      let inside = 0;
      for (let x = 0; x < size.width; x++) {
        inside ^= flips[from + x]!;
        data[y * size.width + x]! |= inside;
      }
    }
  }
  return mask;
}

function markFlips(
  ring: readonly number[],
  flips: Uint8Array,
  stride: number,
  firstRow: number,
  endRow: number,
): void {
  let x1 = ring[ring.length - 2]!;
  let y1 = ring[ring.length - 1]!;
  for (let i = 0; i < ring.length; i += 2) {
    const x2 = ring[i]!;
    const y2 = ring[i + 1]!;
    const from = Math.max(firstRow, Math.ceil(Math.min(y1, y2) - 0.5));
    const to = Math.min(endRow, Math.ceil(Math.max(y1, y2) - 0.5));
    for (let y = from; y < to; y++) {
      const x = x1 + ((y + 0.5 - y1) * (x2 - x1)) / (y2 - y1);
      const column = Math.min(stride - 1, Math.max(0, Math.ceil(x - 0.5)));
      flips[(y - firstRow) * stride + column]! ^= 1;
    }
    x1 = x2;
    y1 = y2;
  }
}
