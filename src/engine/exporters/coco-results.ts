import { isEmptyRle, type Rle } from '@shared/mask/rle';
import type { Author } from '@shared/trajectory/schema';
import { cocoAnnotation } from './coco-annotation';
import type { CocoOut, CocoOutAnnotation, CocoOutImage } from './coco-format';

/** What an annotating run found in one image for one query. */
export interface ImageResult {
  /** Path from the folder of images, with forward slashes. Results of the same name share one image. */
  fileName: string;
  /** Pixels. */
  width: number;
  height: number;
  /** The dataset's id of the image, kept where it is a free whole number. */
  imageId?: number | string | null;
  query: string;
  /** Category of the objects; the query when it is absent. */
  category?: string | null;
  /** One an object; empty masks are left out. */
  objects: readonly { mask: Rle; score: number | null; author?: Author }[];
}

const wholeId = (value: number | string | null | undefined): number | null => {
  const id = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : null;
};

/**
 * Results as COCO: every image once (also those without objects), every category once, one annotation an object.
 * `categories` are kept with their ids; new names get the next ids in the order of appearance. Pure and deterministic:
 * images and annotations are in the order of the results.
 */
export function cocoFromResults(
  results: readonly ImageResult[],
  options: {
    info?: Record<string, unknown>;
    licenses?: unknown[];
    categories?: readonly { id: number; name: string; supercategory?: string }[];
  } = {},
): CocoOut {
  const categories = (options.categories ?? []).map((category) => ({
    ...category,
    supercategory: category.supercategory ?? '',
  }));
  const categoryIds = new Map<string, number>();
  for (const category of categories) {
    if (!categoryIds.has(category.name)) categoryIds.set(category.name, category.id);
  }
  const taken = new Set<number>();
  for (const result of results) {
    const id = wholeId(result.imageId);
    if (id !== null) taken.add(id);
  }
  const used = new Set<number>();
  const images = new Map<string, CocoOutImage>();
  const annotations: CocoOutAnnotation[] = [];
  let nextImage = 1;
  let nextCategory = categories.reduce((highest, category) => Math.max(highest, category.id), 0) + 1;

  const imageOf = (result: ImageResult): CocoOutImage => {
    const fileName = result.fileName.replace(/\\/g, '/');
    const known = images.get(fileName);
    if (known !== undefined) return known;
    let id = wholeId(result.imageId);
    if (id === null || used.has(id)) {
      while (taken.has(nextImage) || used.has(nextImage)) nextImage += 1;
      id = nextImage;
    }
    used.add(id);
    const image: CocoOutImage = { id, file_name: fileName, width: result.width, height: result.height };
    images.set(fileName, image);
    return image;
  };
  const categoryOf = (name: string): number => {
    const known = categoryIds.get(name);
    if (known !== undefined) return known;
    const id = nextCategory;
    nextCategory += 1;
    categoryIds.set(name, id);
    categories.push({ id, name, supercategory: '' });
    return id;
  };

  for (const result of results) {
    const image = imageOf(result);
    for (const object of result.objects) {
      if (isEmptyRle(object.mask)) continue;
      annotations.push(
        cocoAnnotation({
          id: annotations.length + 1,
          imageId: image.id,
          categoryId: categoryOf(result.category ?? result.query),
          mask: object.mask,
          iscrowd: false,
          author: object.author ?? 'agent',
          query: result.query,
          score: object.score,
        }),
      );
    }
  }
  return {
    info: { description: 'Annotated with Maskwright', version: '1.0', ...options.info },
    licenses: options.licenses ?? [],
    images: [...images.values()],
    annotations,
    categories,
  };
}
