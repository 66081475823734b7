import type { AttributeValues } from '@shared/attributes';
import type { ExportOptions } from '@shared/contract/formats';
import { maskToPolygons, rasterizePolygons, simplifyRing } from '@shared/mask/polygon';
import { decodeMask, type Rle, rleArea, rleBbox, rleIou } from '@shared/mask/rle';
import type { Author } from '@shared/trajectory/schema';
import type { CocoOutAnnotation } from './coco-format';

export interface MaskToExport {
  id: number;
  imageId: number;
  categoryId: number;
  mask: Rle;
  iscrowd: boolean;
  author: Author;
  query: string | null;
  score: number | null;
  attributes?: AttributeValues;
}

/** An annotation of our own: compressed run lengths, area = number of pixels, bbox = bbox of the mask. */
export function cocoAnnotation(input: MaskToExport, geometry = runLengths(input.mask)): CocoOutAnnotation {
  return {
    id: input.id,
    image_id: input.imageId,
    category_id: input.categoryId,
    segmentation: geometry.segmentation,
    area: rleArea(geometry.mask),
    bbox: rleBbox(geometry.mask),
    iscrowd: input.iscrowd ? 1 : 0,
    attributes: {
      author: input.author,
      ...(input.query === null ? {} : { query: input.query }),
      ...(input.score === null ? {} : { score: input.score }),
      ...input.attributes,
    },
  };
}

/** A mask as a COCO segmentation, and the mask that pycocotools reads from it. */
export interface CocoGeometry {
  segmentation: unknown;
  mask: Rle;
  loss: 'holes-filled' | 'run-lengths' | 'simplified' | null;
}

function runLengths(mask: Rle): CocoGeometry {
  return {
    segmentation: { size: [mask.size[0], mask.size[1]], counts: mask.counts },
    mask,
    loss: null,
  };
}

/**
 * Outlines only where they say the same mask, or where they are asked for by all means: COCO's polygons have no holes,
 * and one with several parts is not told from several objects by every reader. Crowds are always run lengths.
 */
export function cocoGeometry(
  mask: Rle,
  iscrowd: boolean,
  { geometry, tolerance }: Pick<ExportOptions, 'geometry' | 'tolerance'>,
): CocoGeometry {
  if (geometry === 'rle' || iscrowd) return runLengths(mask);
  const parts = maskToPolygons(decodeMask(mask));
  const holes = parts.some((part) => part.holes.length > 0);
  if (parts.length === 0) return runLengths(mask);
  if (geometry === 'polygons' && (holes || parts.length > 1))
    return { ...runLengths(mask), loss: 'run-lengths' };
  const rings = parts.map(({ outer }) => (tolerance > 0 ? simplifyRing(outer, tolerance) : outer));
  const read = rasterizePolygons(rings, { width: mask.size[1], height: mask.size[0] });
  const changed = rleIou(read, mask) < 1;
  return {
    segmentation: rings,
    mask: read,
    loss: holes ? 'holes-filled' : changed ? 'simplified' : null,
  };
}
