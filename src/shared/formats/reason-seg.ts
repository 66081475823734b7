import { z } from 'zod';
import type { Size } from '../geometry/types';
import { type Bitmap, bitmapArea, createBitmap, subtractBitmaps, unionBitmaps } from '../mask/bitmap';
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
      const mask = fillPolygonsOpenCv([points.flat()], size);
      return { mask, area: bitmapArea(mask), isIgnored: label.toLowerCase().includes('ignore') };
    })
    .reverse()
    .sort((a, b) => b.area - a.area);
  let target = createBitmap(size.width, size.height);
  let ignore = createBitmap(size.width, size.height);
  for (const { mask, isIgnored } of drawn) {
    target = isIgnored ? subtractBitmaps(target, mask) : unionBitmaps(target, mask);
    ignore = isIgnored ? unionBitmaps(ignore, mask) : subtractBitmaps(ignore, mask);
  }
  return { target, ignore };
}
