import { intersectBoxes, uniteBoxes } from '../geometry/box';
import type { Box, Size } from '../geometry/types';
import { type Bitmap, bitmapBox, createBitmap, cropBitmap } from './bitmap';
import { MaskFormatError } from './errors';
import { decodeMask, encodeMask } from './rle-bitmap';
import { cropRle, rleBox } from './rle-runs';
import { compressCounts, decompressCounts, pixelCount, type Rle } from './rle-string';

/**
 * The part of a mask that holds its foreground: its top left pixel is in column `x` and row `y` of the image, and
 * whatever lies outside of it is background. Edits work on these, so that they cost what the object is large and
 * not what the image is.
 */
export interface PlacedMask extends Bitmap {
  x: number;
  y: number;
}

/** Whole pixels of the image, half-open. */
export function placedBox({ x, y, width, height }: PlacedMask): Box {
  return { x1: x, y1: y, x2: x + width, y2: y + height };
}

/** An all-background part of an image, of whole pixels. Throws RangeError for a box without a pixel. */
export function emptyPlaced(box: Box): PlacedMask {
  return { x: box.x1, y: box.y1, ...createBitmap(box.x2 - box.x1, box.y2 - box.y1) };
}

/** The smallest part that holds the foreground, or null when there is none. */
export function trimPlaced(mask: PlacedMask): PlacedMask | null {
  const box = bitmapBox(mask);
  if (box === null) return null;
  if (box.x2 - box.x1 === mask.width && box.y2 - box.y1 === mask.height) return mask;
  return { x: mask.x + box.x1, y: mask.y + box.y1, ...cropBitmap(mask, box) };
}

/** The same pixels in another part of the image (whole pixels); what lies outside of it is dropped. */
export function reframePlaced(mask: PlacedMask, box: Box): PlacedMask {
  const framed = emptyPlaced(box);
  eachCommonRow(mask, framed, (from, to, source, target) =>
    target.data.set(source.data.subarray(from, from + to.count), to.start),
  );
  return framed;
}

/** Foreground in any of the masks; null when there is none. */
export function unionPlaced(masks: readonly PlacedMask[]): PlacedMask | null {
  const [first] = masks;
  if (first === undefined) return null;
  const result = emptyPlaced(masks.map(placedBox).reduce(uniteBoxes));
  for (const mask of masks) {
    eachCommonRow(mask, result, (from, to, source, target) => {
      for (let i = 0; i < to.count; i++) target.data[to.start + i]! |= source.data[from + i]!;
    });
  }
  return trimPlaced(result);
}

/** Foreground of `mask` that none of the others has; null when nothing is left. */
export function subtractPlaced(mask: PlacedMask, others: readonly PlacedMask[]): PlacedMask | null {
  const result: PlacedMask = { ...mask, data: mask.data.slice() };
  for (const other of others) {
    eachCommonRow(other, result, (from, to, source, target) => {
      for (let i = 0; i < to.count; i++) target.data[to.start + i]! &= source.data[from + i]! ^ 1;
    });
  }
  return trimPlaced(result);
}

/** Pixel counts of intersection and union. */
export function placedIntersectionUnion(
  a: PlacedMask | null,
  b: PlacedMask | null,
): { intersection: number; union: number } {
  let intersection = 0;
  if (a !== null && b !== null) {
    eachCommonRow(a, b, (from, to, source, target) => {
      for (let i = 0; i < to.count; i++) {
        intersection += source.data[from + i]! & target.data[to.start + i]!;
      }
    });
  }
  return { intersection, union: area(a) + area(b) - intersection };
}

/** Intersection over union in 0..1; two empty masks agree: 1. */
export function placedIou(a: PlacedMask | null, b: PlacedMask | null): number {
  const { intersection, union } = placedIntersectionUnion(a, b);
  return union === 0 ? 1 : intersection / union;
}

/** Reads the part of a mask that holds its foreground, without decoding the rest; null when it is empty. */
export function decodePlaced(rle: Rle): PlacedMask | null {
  const box = rleBox(rle);
  if (box === null) return null;
  // The box that pycocotools gives can be too high.
  return trimPlaced({ x: box.x1, y: box.y1, ...decodeMask(cropRle(rle, box)) });
}

/**
 * COCO run-length encoding of the whole image's mask, without making its bitmap. Foreground outside of the image
 * is dropped.
 */
export function encodePlaced(mask: PlacedMask, size: Size): Rle {
  const whole = { x1: 0, y1: 0, x2: size.width, y2: size.height };
  const inside = intersectBoxes(placedBox(mask), whole);
  const rleSize: Rle['size'] = [size.height, size.width];
  const pixels = pixelCount(rleSize);
  if (inside === null) return { size: rleSize, counts: compressCounts([pixels]) };
  const part = encodeMask(reframePlaced(mask, inside));
  return placeRle(part, inside.x1, inside.y1, size);
}

/**
 * The mask of an image of which this one is the part whose top left pixel is in column `x` and row `y`: the inverse
 * of `cropRle`. Throws {@link MaskFormatError} when the part does not lie in the image.
 */
export function placeRle(part: Rle, x: number, y: number, size: Size): Rle {
  const [height, width] = part.size;
  if (x < 0 || y < 0 || x + width > size.width || y + height > size.height) {
    throw new MaskFormatError(
      `A part of ${width} × ${height} pixels at (${x}, ${y}) does not lie in an image of ` +
        `${size.width} × ${size.height}.`,
    );
  }
  const rleSize: Rle['size'] = [size.height, size.width];
  const pixels = pixelCount(rleSize);
  const counts = decompressCounts(part);
  const placed: number[] = [];
  let end = 0;
  let start = 0;
  for (let i = 1; i < counts.length; i += 2) {
    start += counts[i - 1]!;
    const stop = start + counts[i]!;
    while (start < stop) {
      const column = Math.floor(start / height);
      const rows = Math.min(stop, (column + 1) * height) - start;
      const from = (x + column) * size.height + y + (start - column * height);
      if (from === end && placed.length > 0) placed[placed.length - 1]! += rows;
      else placed.push(from - end, rows);
      end = from + rows;
      start += rows;
    }
  }
  if (end < pixels || placed.length === 0) placed.push(pixels - end);
  return { size: rleSize, counts: compressCounts(placed) };
}

/**
 * The same pixels, from the top left corner, on an image of another size.
 *
 * @returns null when no pixel is left; `clipped`: how many were dropped
 */
export function moveToImage(rle: Rle, size: Size): { mask: Rle; clipped: number } | null {
  const placed = decodePlaced(rle);
  if (placed === null) return null;
  const inside = intersectBoxes(placedBox(placed), { x1: 0, y1: 0, x2: size.width, y2: size.height });
  if (inside === null) return null;
  const kept = reframePlaced(placed, inside);
  const left = area(kept);
  if (left === 0) return null;
  return { mask: encodePlaced(kept, size), clipped: area(placed) - left };
}

function area(mask: PlacedMask | null): number {
  let sum = 0;
  if (mask !== null) for (let i = 0; i < mask.data.length; i++) sum += mask.data[i]!;
  return sum;
}

/** Calls back for every row that both parts have, with the index of its first common pixel in each. */
function eachCommonRow(
  source: PlacedMask,
  target: PlacedMask,
  row: (from: number, to: { start: number; count: number }, source: PlacedMask, target: PlacedMask) => void,
): void {
  const common = intersectBoxes(placedBox(source), placedBox(target));
  if (common === null) return;
  const count = common.x2 - common.x1;
  for (let y = common.y1; y < common.y2; y++) {
    const from = (y - source.y) * source.width + common.x1 - source.x;
    const start = (y - target.y) * target.width + common.x1 - target.x;
    row(from, { start, count }, source, target);
  }
}
