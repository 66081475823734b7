import type { Bitmap } from './bitmap';
import { maskToPolygons } from './polygon-contours';
import type { PolygonPart, Ring } from './polygon-ring';

/**
 * The outlines of a mask through its border pixels: one part for every 8-connected region, in reading order, with its
 * holes. Coordinates are columns and rows of pixels (integers); a ring around a hole runs through the mask's pixels at
 * the hole. Only corners are listed; a single pixel is a ring of one point. Readers that draw outlines as well as what
 * is inside them (OpenCV's fillPoly, Pillow's polygon) get the same mask back: see `fillPolygonsOpenCv`.
 */
export function maskToPixelRings(bitmap: Bitmap): PolygonPart[] {
  return maskToPolygons(bitmap).map(({ outer, holes }) => ({
    outer: pixelRing(outer),
    holes: holes.map(pixelRing),
  }));
}

/** The pixels on the right-hand side of a ring of pixel borders, in its order, without those on straight ways. */
function pixelRing(borders: Ring): Ring {
  const xs: number[] = [];
  const ys: number[] = [];
  const count = borders.length / 2;
  for (let i = 0; i < count; i++) {
    const j = (i + 1) % count;
    const x = borders[2 * i]!;
    const y = borders[2 * i + 1]!;
    const dx = Math.sign(borders[2 * j]! - x);
    const dy = Math.sign(borders[2 * j + 1]! - y);
    const steps = Math.abs(borders[2 * j]! - x) + Math.abs(borders[2 * j + 1]! - y);
    // The pixel on the right of the first and of the last unit of this side; those between lie on a straight way.
    for (const step of steps === 1 ? [0] : [0, steps - 1]) {
      const px = x + dx * step + (dx < 0 || dy > 0 ? -1 : 0);
      const py = y + dy * step + (dx < 0 || dy < 0 ? -1 : 0);
      if (xs.length === 0 || xs[xs.length - 1] !== px || ys[ys.length - 1] !== py) {
        xs.push(px);
        ys.push(py);
      }
    }
  }
  while (xs.length > 1 && xs[0] === xs[xs.length - 1] && ys[0] === ys[ys.length - 1]) {
    xs.pop();
    ys.pop();
  }
  return withoutStraight(xs, ys);
}

/** Leaves out points at which a way of unit or straight steps goes on in the same of the eight directions. */
function withoutStraight(xs: readonly number[], ys: readonly number[]): Ring {
  const count = xs.length;
  if (count <= 2) return xs.flatMap((x, i) => [x, ys[i]!]);
  const ring: Ring = [];
  for (let i = 0; i < count; i++) {
    const before = (i + count - 1) % count;
    const after = (i + 1) % count;
    const inX = xs[i]! - xs[before]!;
    const inY = ys[i]! - ys[before]!;
    const outX = xs[after]! - xs[i]!;
    const outY = ys[after]! - ys[i]!;
    const straight = inX * outY === inY * outX && inX * outX + inY * outY > 0;
    if (!straight) ring.push(xs[i]!, ys[i]!);
  }
  return ring;
}
