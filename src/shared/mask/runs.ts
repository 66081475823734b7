import type { Box, Point } from '../geometry/types';
import { rleBox } from './rle-runs';
import { decompressCounts, type Rle } from './rle-string';

/**
 * A mask that can be asked about single pixels and painted at any resolution without ever being decoded: memory goes
 * by its runs, not by the pixels of the image.
 */
export interface MaskRuns {
  /** Height of the image: pixels are counted column by column. */
  height: number;
  /** Whole pixels, half-open, around the foreground. */
  box: Box;
  /** Where runs end, ascending: before the first is background, then foreground, and so on in turn. */
  ends: Uint32Array;
  /** Number of foreground pixels. */
  area: number;
}

/** Null when the mask has no pixel. */
export function runsOf(rle: Rle): MaskRuns | null {
  const box = rleBox(rle);
  if (!box) return null;
  const counts = decompressCounts(rle);
  const ends = new Uint32Array(counts.length);
  let end = 0;
  let area = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    end += count;
    ends[i] = end;
    if (i % 2 === 1) area += count;
  }
  return { height: rle.size[0], box, ends, area };
}

/** Whether the pixel under a point (image pixels) is foreground. */
export function runsCover(runs: MaskRuns, point: Point): boolean {
  const x = Math.floor(point.x);
  const y = Math.floor(point.y);
  const { x1, y1, x2, y2 } = runs.box;
  if (x < x1 || y < y1 || x >= x2 || y >= y2) return false;
  return runAt(runs.ends, x * runs.height + y) % 2 === 1;
}

/** Index of the run that holds a pixel. */
function runAt(ends: Uint32Array, pixel: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ends[middle]! <= pixel) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A raster of any resolution laid over an image: its pixel (i, j) stands for the image pixel at its middle. */
export interface Raster {
  /** Of the raster's first pixel, in image pixels; a multiple of `step`. */
  x: number;
  y: number;
  /** Image pixels for one pixel of the raster: 2ⁿ, less than 1 when it is finer than the image. */
  step: number;
  width: number;
  height: number;
}

/**
 * Which pixels of a raster are foreground. A mask that lies between all sampled pixels keeps one, so that nothing
 * vanishes when it is small on the screen.
 *
 * @param into row-major, 0 or 1, of the raster's size; must be 0 where the result says it may be written
 * @returns columns and rows of the raster outside of which nothing was written, half-open; null when nothing was
 */
export function sampleRuns(runs: MaskRuns, raster: Raster, into: Uint8Array): Box | null {
  const { x, y, step, width, height } = raster;
  const { box, ends } = runs;
  /** First raster pixel whose sample is at or after an image pixel. */
  const first = (pixel: number, from: number): number =>
    step < 1 ? (pixel - from) / step : Math.ceil((pixel - from - Math.floor(step / 2)) / step);
  let x1 = Math.max(0, first(box.x1, x));
  let x2 = Math.min(width, first(box.x2, x));
  const y1 = Math.max(0, first(box.y1, y));
  const y2 = Math.min(height, first(box.y2, y));
  let written = false;
  for (let i = x1; i < x2; i++) {
    const column = Math.floor(x + i * step) + (step < 1 ? 0 : Math.floor(step / 2));
    const top = column * runs.height;
    const last = top + box.y2;
    let run = runAt(ends, top + box.y1);
    if (run % 2 === 0) run++;
    for (; run < ends.length; run += 2) {
      const start = ends[run - 1]!;
      if (start >= last) break;
      const from = Math.max(y1, first(Math.max(start - top, box.y1), y));
      const to = Math.min(y2, first(Math.min(ends[run]! - top, box.y2), y));
      for (let j = from; j < to; j++) into[j * width + i] = 1;
      if (to > from) written = true;
    }
  }
  if (written) return { x1, y1, x2, y2 };
  const isTiny = box.x2 - box.x1 <= step || box.y2 - box.y1 <= step;
  const i = Math.floor(((box.x1 + box.x2) / 2 - x) / step);
  const j = Math.floor(((box.y1 + box.y2) / 2 - y) / step);
  if (!isTiny || i < 0 || j < 0 || i >= width || j >= height) return null;
  x1 = i;
  x2 = i + 1;
  into[j * width + i] = 1;
  return { x1, y1: j, x2, y2: j + 1 };
}
