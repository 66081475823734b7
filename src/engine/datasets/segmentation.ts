import { rasterizePolygons } from '@shared/mask/polygon';
import { fromUncompressed, type Rle, rleArea } from '@shared/mask/rle';
import { cocoSegmentationSchema } from './coco-format';

/**
 * The mask of a COCO segmentation: polygons drawn as pycocotools does, compressed or uncompressed run lengths.
 * Throws an Error that says what is wrong.
 */
export function segmentationToRle(segmentation: unknown, size: { width: number; height: number }): Rle {
  if (segmentation === undefined || segmentation === null) throw new Error('it has no segmentation');
  if (Array.isArray(segmentation) && segmentation.length === 0) throw new Error('its segmentation is empty');
  const parsed = cocoSegmentationSchema.safeParse(segmentation);
  if (!parsed.success) throw new Error('its segmentation is neither polygons nor run lengths');
  const form = parsed.data;
  if (Array.isArray(form)) return rasterise(form, size);
  if (form.size[0] !== size.height || form.size[1] !== size.width) {
    throw new Error(
      `its mask is ${form.size[1]} × ${form.size[0]} pixels, the image ${size.width} × ${size.height}`,
    );
  }
  if (Array.isArray(form.counts)) return fromUncompressed({ size: form.size, counts: form.counts });
  const rle: Rle = { size: form.size, counts: form.counts };
  rleArea(rle);
  return rle;
}

function rasterise(polygons: readonly (readonly number[])[], size: { width: number; height: number }): Rle {
  const bad = polygons.find(
    (polygon) => polygon.length % 2 !== 0 || polygon.some((value) => !Number.isFinite(value)),
  );
  if (bad !== undefined) throw new Error('a polygon has an odd number of coordinates');
  const usable = polygons.filter((polygon) => polygon.length >= 6);
  if (usable.length === 0) throw new Error('its polygons have fewer than three points');
  return rasterizePolygons(usable, size);
}
