import { type Rle, rleArea, rleBbox } from '@shared/mask/rle';
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
}

/**
 * An annotation of our own: compressed run lengths, area = number of pixels, bbox = bbox of the mask. Never polygons:
 * they cannot express holes or single pixels. Throws MaskFormatError for a broken mask.
 */
export function cocoAnnotation(input: MaskToExport): CocoOutAnnotation {
  return {
    id: input.id,
    image_id: input.imageId,
    category_id: input.categoryId,
    segmentation: { size: [input.mask.size[0], input.mask.size[1]], counts: input.mask.counts },
    area: rleArea(input.mask),
    bbox: rleBbox(input.mask),
    iscrowd: input.iscrowd ? 1 : 0,
    attributes: {
      author: input.author,
      ...(input.query === null ? {} : { query: input.query }),
      ...(input.score === null ? {} : { score: input.score }),
    },
  };
}
