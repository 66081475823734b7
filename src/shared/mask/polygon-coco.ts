import type { Size } from '../geometry/types';
import { MaskFormatError } from './errors';
import { requireRing } from './polygon-ring';
import { emptyRle, mergeRles } from './rle-runs';
import { compressCounts, pixelCount, type Rle } from './rle-string';

/** Boundaries are followed on a grid this many times finer than the pixels. */
const scale = 5;

/** Boundaries are walked step by step; a coordinate far beyond any image would take minutes and is a mistake. */
const maxCoordinate = 1_000_000;

/**
 * The union of polygons as COCO rasterises them: bit for bit what pycocotools' `frPyObjects` + `merge` gives.
 * Rings are filled one by one, so that a ring inside another one is no hole. No rings: the empty mask.
 *
 * @param rings flat coordinates in image pixels (float), at least three points each, else MaskFormatError
 *   (pycocotools would take four numbers for a box)
 */
export function rasterizePolygons(rings: readonly (readonly number[])[], size: Size): Rle {
  if (rings.length === 0) return emptyRle([size.height, size.width]);
  return mergeRles(
    rings.map((ring) => rasterizeRing(ring, size)),
    'union',
  );
}

/** One ring, by the method of `rleFrPoly` of maskApi.c: down the columns, every boundary crossing starts a run. */
function rasterizeRing(ring: readonly number[], { width, height }: Size): Rle {
  requireRing(ring);
  const wild = ring.findIndex((value) => Math.abs(value) > maxCoordinate);
  if (wild >= 0)
    throw new MaskFormatError(`Number ${wild} of a polygon is ${ring[wild]}, far outside any image.`);
  const rleSize: Rle['size'] = [height, width];
  const pixels = pixelCount(rleSize);
  const crossings: number[] = [];
  let lastX = 0;
  let lastY = 0;
  let first = true;
  const visit = (x: number, y: number): void => {
    if (!first && x !== lastX) {
      // The boundary moved one fine column; it crosses a pixel column where that is the column's middle.
      const column = (Math.min(x, lastX) + 0.5) / scale - 0.5;
      if (Number.isInteger(column) && column >= 0 && column <= width - 1) {
        const row = (Math.min(y, lastY) + 0.5) / scale - 0.5;
        crossings.push(column * height + Math.ceil(Math.min(Math.max(row, 0), height)));
      }
    }
    first = false;
    lastX = x;
    lastY = y;
  };
  const count = ring.length / 2;
  for (let i = 0; i < count; i++) {
    const next = i + 1 === count ? 0 : i + 1;
    followSide(
      Math.trunc(scale * ring[2 * i]! + 0.5),
      Math.trunc(scale * ring[2 * i + 1]! + 0.5),
      Math.trunc(scale * ring[2 * next]! + 0.5),
      Math.trunc(scale * ring[2 * next + 1]! + 0.5),
      visit,
    );
  }
  crossings.push(pixels);
  return { size: rleSize, counts: compressCounts(runsBetween(Float64Array.from(crossings).sort())) };
}

/** All fine grid points of a side from its start to its end, both included, one for every step along its longer axis. */
function followSide(
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  visit: (x: number, y: number) => void,
): void {
  const dx = Math.abs(x2 - x1);
  const dy = Math.abs(y2 - y1);
  const steps = Math.max(dx, dy);
  // Interpolation starts at the lower end of the longer axis whatever the direction, so that a side is rounded
  // alike from both ends.
  const flip = dx >= dy ? x1 > x2 : y1 > y2;
  const [fromX, fromY, toX, toY] = flip ? [x2, y2, x1, y1] : [x1, y1, x2, y2];
  if (steps === 0) {
    visit(x1, y1);
  } else if (dx >= dy) {
    const slope = (toY - fromY) / dx;
    for (let d = 0; d <= dx; d++) {
      const t = flip ? dx - d : d;
      visit(t + fromX, Math.trunc(fromY + slope * t + 0.5));
    }
  } else {
    const slope = (toX - fromX) / dy;
    for (let d = 0; d <= dy; d++) {
      const t = flip ? dy - d : d;
      visit(Math.trunc(fromX + slope * t + 0.5), t + fromY);
    }
  }
}

/** Sorted positions of crossings → run lengths. Two crossings at one position cancel each other. */
function runsBetween(positions: Float64Array): number[] {
  const runs = [positions[0]!];
  for (let i = 1; i < positions.length; i++) {
    const length = positions[i]! - positions[i - 1]!;
    if (length > 0) {
      runs.push(length);
    } else {
      i++;
      if (i < positions.length) runs[runs.length - 1]! += positions[i]! - positions[i - 1]!;
    }
  }
  return runs;
}
