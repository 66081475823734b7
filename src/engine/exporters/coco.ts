import { basename } from 'node:path';
import { z } from 'zod';
import { cocoAnnotationSchema } from '../datasets/coco-format';
import type { ProjectImage, ProjectStore, StoredAnnotation } from '../project/store';
import { cocoAnnotation } from './coco-annotation';
import type { CocoOut, CocoOutAnnotation, CocoOutCategory, CocoOutImage } from './coco-format';

export interface CocoExportReport {
  images: number;
  annotations: number;
  /** Annotations written exactly as they were imported. */
  asImported: number;
  warnings: string[];
}

const looseObject = z.record(z.string(), z.unknown());

const parsedObject = (text: string | null): Record<string, unknown> | null => {
  if (text === null) return null;
  const parsed = looseObject.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
};

const isCrowd = (value: unknown): 0 | 1 => (value === 1 || value === true ? 1 : 0);

/** An imported annotation whose mask was not changed: every key as it came, ids and class as they are here. */
function asImported(annotation: StoredAnnotation, imageId: number): CocoOutAnnotation | null {
  if (annotation.maskEdited || annotation.original === null) return null;
  const original = cocoAnnotationSchema.safeParse(JSON.parse(annotation.original));
  if (!original.success) return null;
  return {
    ...original.data,
    id: annotation.id,
    image_id: imageId,
    category_id: annotation.categoryId,
    segmentation: original.data.segmentation,
    area: original.data.area ?? annotation.area,
    bbox: original.data.bbox ?? annotation.bbox,
    iscrowd: isCrowd(original.data.iscrowd),
  };
}

/** Names of the images' files, from their folder of images; the folder's name is put before where two are alike. */
function fileNames(
  store: ProjectStore,
  images: readonly ProjectImage[],
  warnings: string[],
): Map<string, string> {
  const owner = new Map<string, string>();
  const names = new Map<string, string>();
  for (const image of images) {
    let name = image.path;
    if (owner.has(name)) {
      const folder = basename(store.rootFolder(image.rootId));
      name = `${folder}/${image.path}`;
      for (let copy = 2; owner.has(name); copy += 1) name = `${folder}-${copy}/${image.path}`;
      warnings.push(`Two folders hold an image ${image.path}; the second is written as ${name}.`);
    }
    owner.set(name, image.id);
    names.set(image.id, name);
  }
  return names;
}

function exportedImage(image: ProjectImage, fileName: string, id: number): CocoOutImage {
  return {
    ...parsedObject(image.original),
    id,
    file_name: fileName,
    width: image.width,
    height: image.height,
  };
}

/**
 * The project as COCO instances. Annotations whose mask was made or changed here are compressed run lengths with
 * area = pixel count and bbox = bbox of the mask; untouched imports are as they came. Ids never change from one
 * export to the next; everything is in the order of its id. `annotatedOnly` leaves out images without annotations.
 */
export function exportCoco(
  store: ProjectStore,
  options: { annotatedOnly?: boolean } = {},
): { coco: CocoOut; report: CocoExportReport } {
  store.assignCocoIds();
  const warnings: string[] = [];
  const all = store.allImages();
  const names = fileNames(store, all, warnings);
  const images: CocoOutImage[] = [];
  const annotations: CocoOutAnnotation[] = [];
  let untouched = 0;
  for (const image of all) {
    const stored = store.storedAnnotations(image.id);
    if (options.annotatedOnly === true && stored.length === 0) continue;
    const id = image.cocoId ?? 0;
    images.push(exportedImage(image, names.get(image.id) ?? image.path, id));
    for (const annotation of stored) {
      const kept = asImported(annotation, id);
      if (kept !== null) untouched += 1;
      annotations.push(
        kept ??
          cocoAnnotation({
            id: annotation.id,
            imageId: id,
            categoryId: annotation.categoryId,
            mask: annotation.mask,
            iscrowd: annotation.iscrowd,
            author: annotation.author,
            query: annotation.query,
            score: annotation.score,
          }),
      );
    }
  }
  const categories = store.storedCategories().map(
    (category): CocoOutCategory => ({
      ...parsedObject(category.original),
      id: category.id,
      name: category.name,
      supercategory: category.supercategory,
    }),
  );
  images.sort((a, b) => a.id - b.id);
  annotations.sort((a, b) => a.id - b.id);
  const coco: CocoOut = {
    info: store.setting('coco.info', looseObject) ?? {
      description: store.summary().name,
      version: '1.0',
      contributor: '',
      url: '',
      date_created: store.setting('createdAt', z.string()) ?? '',
    },
    licenses: store.setting('coco.licenses', z.array(z.unknown())) ?? [],
    images,
    annotations,
    categories,
  };
  return {
    coco,
    report: { images: images.length, annotations: annotations.length, asImported: untouched, warnings },
  };
}
