import { z } from 'zod';
import type { Size } from '../geometry/types';
import { type Bitmap, createBitmap, cropBitmap, pasteBitmap } from '../mask/bitmap';
import { connectedParts } from '../mask/components';
import { fillPolygonsOpenCv, maskToPixelRings, simplifyRing } from '../mask/polygon';

/** LabelMe's JSON: one file an image, shapes with a label; shapes of one `group_id` and label are one object. */

const pointSchema = z.tuple([z.number(), z.number()]);

export const labelMeShapeSchema = z.looseObject({
  label: z.string().min(1),
  points: z.array(pointSchema).min(1),
  shape_type: z.string().nullish(),
  group_id: z.number().int().nullish(),
  flags: z.record(z.string(), z.boolean()).nullish(),
  description: z.string().nullish(),
  /** PNG in base64; for shapes of type `mask`. */
  mask: z.string().nullish(),
});
export type LabelMeShape = z.infer<typeof labelMeShapeSchema>;

/** The outside of a file; shapes are checked one by one, so that a bad one does not spoil the rest. */
export const labelMeFileSchema = z.looseObject({
  shapes: z.array(z.unknown()),
  imagePath: z.string().nullish(),
  imageHeight: z.number().int().positive().nullish(),
  imageWidth: z.number().int().positive().nullish(),
});
export type LabelMeFile = z.infer<typeof labelMeFileSchema>;

/**
 * The pixels of a shape as LabelMe's own tools draw it: coordinates cut off to pixels, outlines included. Throws an
 * Error that says why there are none.
 *
 * @param decodePng the pixels of a mask shape's PNG: non-zero is foreground
 */
export function labelMeShapeMask(
  shape: LabelMeShape,
  size: Size,
  decodePng: (base64: string) => Bitmap,
): Bitmap {
  const type = shape.shape_type ?? 'polygon';
  const points = shape.points.map(([x, y]) => [Math.trunc(x), Math.trunc(y)] as const);
  const [first, second] = points;
  if (type === 'polygon' || type === 'oriented_rectangle') {
    if (points.length < 3) throw new Error(`its polygon has ${points.length} points`);
    return fillPolygonsOpenCv([points.flat()], size);
  }
  if (type !== 'rectangle' && type !== 'circle' && type !== 'mask')
    throw new Error(`a shape of type "${type}" has no pixels`);
  if (first === undefined || second === undefined) throw new Error(`a ${type} needs two points`);
  const [x1, y1] = first;
  const [x2, y2] = second;
  if (type === 'rectangle') return fillPolygonsOpenCv([[x1, y1, x2, y1, x2, y2, x1, y2]], size);
  if (type === 'circle') return circle(shape.points, size);
  if (shape.mask === null || shape.mask === undefined) throw new Error('it is a mask without pixels');
  const piece = decodePng(shape.mask);
  return pasteBitmap(createBitmap(size.width, size.height), piece, x1, y1);
}

/** Center and a point on the rim; the ellipse in the box of whole pixels around it, as Pillow draws it. */
function circle(points: LabelMeShape['points'], size: Size): Bitmap {
  const [[cx, cy] = [0, 0], [px, py] = [0, 0]] = points;
  const radius = Math.hypot(cx - px, cy - py);
  const x1 = Math.trunc(cx - radius);
  const x2 = Math.trunc(cx + radius);
  const y1 = Math.trunc(cy - radius);
  const y2 = Math.trunc(cy + radius);
  const mask = createBitmap(size.width, size.height);
  for (let y = Math.max(0, y1); y <= Math.min(size.height - 1, y2); y++) {
    for (let x = Math.max(0, x1); x <= Math.min(size.width - 1, x2); x++) {
      const dx = (2 * x - x1 - x2) / (x2 - x1 + 1);
      const dy = (2 * y - y1 - y2) / (y2 - y1 + 1);
      if (dx * dx + dy * dy <= 1) mask.data[y * size.width + x] = 1;
    }
  }
  return mask;
}

/** The geometry of one shape as it is written. */
export interface LabelMeGeometry {
  shape_type: 'polygon' | 'mask';
  points: [number, number][];
  mask: string | null;
}

/**
 * A mask as shapes: a polygon through the border pixels for every part without holes, a `mask` shape for one with
 * holes. LabelMe draws the same pixels. `tolerance` in pixels: how far outlines may move to have fewer points.
 */
export function labelMeShapes(
  mask: Bitmap,
  tolerance: number,
  encodePng: (piece: Bitmap) => string,
): LabelMeGeometry[] {
  const parts = maskToPixelRings(mask);
  const needsPieces = parts.some(({ holes }) => holes.length > 0);
  const connected = needsPieces ? connectedParts(mask, 8) : null;
  return parts.map(({ outer, holes }, index) => {
    const box = connected?.parts[index]?.box;
    if (holes.length > 0 && box !== undefined && connected !== null) {
      const piece = cropBitmap(mask, box);
      for (let y = 0; y < piece.height; y++) {
        const row = (y + box.y1) * mask.width + box.x1;
        for (let x = 0; x < piece.width; x++)
          if (connected.labels[row + x] !== index + 1) piece.data[y * piece.width + x] = 0;
      }
      return {
        shape_type: 'mask',
        points: [
          [box.x1, box.y1],
          [box.x2 - 1, box.y2 - 1],
        ],
        mask: encodePng(piece),
      };
    }
    const ring = tolerance > 0 ? simplifyRing(outer, tolerance) : outer;
    const points: [number, number][] = [];
    // The middle of the pixel: where LabelMe's window shows it, and the same pixel when it is cut off.
    for (let i = 0; i < ring.length; i += 2) points.push([ring[i]! + 0.5, ring[i + 1]! + 0.5]);
    // LabelMe asks for three points at least.
    while (points.length < 3) points.push(points[points.length - 1] ?? [0, 0]);
    return { shape_type: 'polygon', points, mask: null };
  });
}
