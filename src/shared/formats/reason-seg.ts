import { z } from 'zod';
import type { Size } from '../geometry/types';
import { type Bitmap, createBitmap } from '../mask/bitmap';
import { fillPolygonsOpenCv } from '../mask/polygon';

/** Further out, sums of coordinates no longer fit into what OpenCV computes with. */
const farthest = 2 ** 24;
const coordinate = z.number().min(-farthest).max(farthest);

/** One annotation file of ReasonSeg (LISA); other keys are left alone. */
export const reasonSegSchema = z.object({
  text: z.array(z.string()).min(1),
  is_sentence: z.boolean(),
  shapes: z.array(z.object({ label: z.string(), points: z.array(z.tuple([coordinate, coordinate])) })),
});
export type ReasonSegEntry = z.infer<typeof reasonSegSchema>;

export interface ReasonSegMasks {
  target: Bitmap;
  /** Pixels that do not count; never a pixel of `target`. */
  ignore: Bitmap;
}

/**
 * The masks of a ReasonSeg file, pixel for pixel as LISA's `get_mask_from_json` draws them: every shape with OpenCV's
 * `fillPoly` at coordinates cut off to integers, the largest first and smaller ones over it. A label with "ignore" in
 * it makes pixels that do not count, any other but `flag` the target. Of shapes of the same area the later one is
 * drawn first, as a stable sort reversed has it; LISA's is not stable, and its order depends on the processor.
 *
 * Throws an Error for a shape without points, at which LISA stops too.
 */
export function drawReasonSeg(shapes: ReasonSegEntry['shapes'], size: Size): ReasonSegMasks {
  const drawn = shapes
    .filter(({ label }) => label.toLowerCase() !== 'flag')
    .map(({ label, points }) => {
      if (points.length === 0) throw new Error(`a shape "${label}" has no points`);
      // Only the area is kept: the masks of many shapes in a large photograph would be gigabytes.
      let area = 0;
      eachPixel(points, size, () => {
        area += 1;
      });
      return { points, area, isIgnored: label.toLowerCase().includes('ignore') };
    })
    .reverse()
    .sort((a, b) => b.area - a.area);
  const target = createBitmap(size.width, size.height);
  const ignore = createBitmap(size.width, size.height);
  for (const { points, isIgnored } of drawn) {
    eachPixel(points, size, (p) => {
      target.data[p] = isIgnored ? 0 : 1;
      ignore.data[p] = isIgnored ? 1 : 0;
    });
  }
  return { target, ignore };
}

/** Visits the pixels of a shape by their place in the image's rows, looking only where the shape can be. */
function eachPixel(
  points: ReasonSegEntry['shapes'][number]['points'],
  size: Size,
  visit: (p: number) => void,
): void {
  const { data } = fillPolygonsOpenCv([points.flat()], size);
  const [left, right] = extent(points, 0, size.width);
  const [top, bottom] = extent(points, 1, size.height);
  for (let y = top; y <= bottom; y += 1) {
    for (let p = y * size.width + left; p <= y * size.width + right; p += 1) {
      if (data[p] === 1) visit(p);
    }
  }
}

/** The first and the last column or row inside of the image that points lie in or between. */
function extent(points: readonly (readonly number[])[], axis: 0 | 1, length: number): [number, number] {
  let [first, last] = [length - 1, 0];
  for (const point of points) {
    const place = Math.trunc(point[axis] ?? 0);
    first = Math.min(first, place);
    last = Math.max(last, place);
  }
  return [Math.max(0, first), Math.min(length - 1, last)];
}
