import type { Box } from '../geometry/types';
import { type Bitmap, createBitmap } from './bitmap';
import { DisjointSets } from './disjoint-sets';

/** One connected part of a mask. */
export interface ConnectedPart {
  /** Its value in the label map, from 1. */
  label: number;
  /** Number of pixels. */
  area: number;
  /** Whole pixels, half-open. */
  box: Box;
}

/**
 * Connected parts of the foreground.
 *
 * @param connectivity 8: pixels that touch at a corner are connected; 4: only those that share a side
 * @returns `labels`: row-major int32, length width × height, 0 for background, otherwise the part's label;
 *   `parts`: in the order of their first pixels in reading order, so `parts[label - 1]` has that label
 */
export function connectedParts(
  bitmap: Bitmap,
  connectivity: 4 | 8 = 8,
): { labels: Int32Array; parts: ConnectedPart[] } {
  const { width, height, data } = bitmap;
  const labels = new Int32Array(width * height);
  const reach = connectivity === 8 ? 1 : 0;
  // First pass: every horizontal run gets a number and joins the runs of the row above that it touches.
  const joined = new DisjointSets();
  const runs: Run[] = [];
  let above: Run[] = [];
  let p = data.indexOf(1);
  let previous = -1;
  while (p >= 0) {
    const y = Math.floor(p / width);
    if (y > previous + 1) above = [];
    previous = y;
    const end = (y + 1) * width;
    const current: Run[] = [];
    let next = 0;
    while (p >= 0 && p < end) {
      const start = p;
      while (p < end && data[p] === 1) p++;
      const run = { start: start - y * width, end: p - y * width, y, set: joined.add() };
      // Runs above that end before this one begins cannot touch a later run either.
      while (next < above.length && above[next]!.end + reach <= run.start) next++;
      for (let i = next; i < above.length && above[i]!.start < run.end + reach; i++) {
        joined.join(above[i]!.set, run.set);
      }
      current.push(run);
      runs.push(run);
      p = data.indexOf(1, p);
    }
    above = current;
  }
  // Second pass: the root of every set gets the next label where it is first met.
  const labelOfRoot = new Map<number, number>();
  const parts: ConnectedPart[] = [];
  for (const run of runs) {
    const root = joined.find(run.set);
    let label = labelOfRoot.get(root);
    if (label === undefined) {
      label = parts.length + 1;
      labelOfRoot.set(root, label);
      parts.push({ label, area: 0, box: { x1: run.start, y1: run.y, x2: run.end, y2: run.y + 1 } });
    }
    const part = parts[label - 1]!;
    part.area += run.end - run.start;
    part.box.x1 = Math.min(part.box.x1, run.start);
    part.box.x2 = Math.max(part.box.x2, run.end);
    part.box.y2 = run.y + 1;
    labels.fill(label, run.y * width + run.start, run.y * width + run.end);
  }
  return { labels, parts };
}

/** The largest connected part alone, the first in reading order among equals; empty stays empty. */
export function keepLargest(bitmap: Bitmap, connectivity: 4 | 8 = 8): Bitmap {
  const { labels, parts } = connectedParts(bitmap, connectivity);
  const result = createBitmap(bitmap.width, bitmap.height);
  const [first, ...rest] = parts;
  if (first === undefined) return result;
  const largest = rest.reduce((best, part) => (part.area > best.area ? part : best), first);
  for (let i = 0; i < labels.length; i++) result.data[i] = labels[i] === largest.label ? 1 : 0;
  return result;
}

/** Columns start..end − 1 of row y. */
interface Run {
  start: number;
  end: number;
  y: number;
  set: number;
}
