import type { Bitmap } from './bitmap';
import { connectedParts } from './components';
import { type PolygonPart, type Ring, ringArea } from './polygon-ring';

/**
 * The outlines of a mask along pixel borders: one part for every 8-connected region, in reading order, with its
 * holes. Coordinates are integers in mask pixels (corners of pixels); only corners are listed. Outer rings run
 * clockwise on the screen, holes the other way. `polygonsToMask` gives the same mask back.
 *
 * Regions that touch themselves at a corner have rings that pass twice through that corner.
 */
export function maskToPolygons(bitmap: Bitmap): PolygonPart[] {
  const { width, height, data } = bitmap;
  const { labels, parts } = connectedParts(bitmap, 8);
  const polygons: PolygonPart[] = parts.map(() => ({ outer: [], holes: [] }));
  if (parts.length === 0) return polygons;
  // Every ring has an upper side of a foreground pixel in it; those that are already part of a ring are marked.
  const traced = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const p = y * width + x;
      if (data[p] === 0 || traced[p] === 1 || (y > 0 && data[p - width] === 1)) continue;
      const ring = traceRing(bitmap, x, y, traced);
      const polygon = polygons[labels[p]! - 1]!;
      if (ringArea(ring) > 0) polygon.outer = ring;
      else polygon.holes.push(ring);
    }
  }
  return polygons;
}

/** Steps to the right, down, left, up; turning right adds one. */
const stepX = [1, 0, -1, 0] as const;
const stepY = [0, 1, 0, -1] as const;
/** The pixel ahead on the right of a corner, by direction; the one on the left is that of the direction before. */
const aheadX = [0, -1, -1, 0] as const;
const aheadY = [0, 0, -1, -1] as const;

/** Follows the border with foreground on its right, from the upper left corner of pixel (x, y) to the right. */
function traceRing(
  { width, height, data }: Bitmap,
  startX: number,
  startY: number,
  traced: Uint8Array,
): Ring {
  const isForeground = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && data[y * width + x] === 1;
  const ring: Ring = [startX, startY];
  let x = startX;
  let y = startY;
  let direction = 0;
  for (;;) {
    if (direction === 0) traced[y * width + x] = 1;
    x += stepX[direction]!;
    y += stepY[direction]!;
    const left = (direction + 3) & 3;
    let turned = direction;
    if (isForeground(x + aheadX[left]!, y + aheadY[left]!)) turned = left;
    else if (!isForeground(x + aheadX[direction]!, y + aheadY[direction]!)) turned = (direction + 1) & 3;
    // The corner where the ring began may be passed in another direction first, where regions touch.
    if (x === startX && y === startY && turned === 0) return ring;
    if (turned !== direction) ring.push(x, y);
    direction = turned;
  }
}
