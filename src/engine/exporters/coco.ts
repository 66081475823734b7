import { rawMembers } from '@shared/formats/json-slices';
import type { Rle } from '@shared/mask/rle';
import { z } from 'zod';
import { importedAttributes } from '../datasets/coco-attributes';
import { cocoAnnotationSchema } from '../datasets/coco-format';
import type { ProjectImage, ProjectStore, StoredAnnotation } from '../project/store';
import { cocoAnnotation, cocoGeometry } from './coco-annotation';
import type { CocoOutCategory, CocoOutImage } from './coco-format';
import type { ExportImage, ExportSet } from './export-set';
import type { Losses } from './losses';

const looseObject = z.record(z.string(), z.unknown());

const parsedObject = (text: string | null): Record<string, unknown> | null => {
  if (text === null) return null;
  const parsed = looseObject.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
};

/** The imported entry of an annotation whose mask was not changed; null where there is none or it is not COCO's. */
function untouched(annotation: StoredAnnotation): z.infer<typeof cocoAnnotationSchema> | null {
  if (annotation.maskEdited || annotation.original === null) return null;
  const original = cocoAnnotationSchema.safeParse(JSON.parse(annotation.original));
  return original.success && original.data.segmentation !== undefined ? original.data : null;
}

export function isCocoUntouched(annotation: StoredAnnotation): boolean {
  return untouched(annotation) !== null;
}

/**
 * The text of an imported annotation: every member as the file had it, to the digit; ids, class and attributes as they
 * are here. Null when its mask was changed or it did not come from COCO.
 */
function asImported(annotation: StoredAnnotation, imageId: number): string | null {
  const original = untouched(annotation);
  if (original === null || annotation.original === null) return null;
  const members = new Map(rawMembers(annotation.original).map(({ key, value }) => [key, value]));
  const put = (key: string, value: unknown, same: boolean): void => {
    if (!same) members.set(key, JSON.stringify(value));
  };
  put('id', annotation.id, original.id === annotation.id);
  put('image_id', imageId, original.image_id === imageId);
  put('category_id', annotation.categoryId, original.category_id === annotation.categoryId);
  put('area', annotation.area, original.area !== undefined);
  put('bbox', annotation.bbox, original.bbox !== undefined);
  put('iscrowd', 0, original.iscrowd !== undefined);
  const before = importedAttributes(original.attributes);
  if (JSON.stringify(sorted(before)) !== JSON.stringify(sorted(annotation.attributes))) {
    const kept = looseObject.safeParse(original.attributes);
    const others = Object.entries(kept.success ? kept.data : {}).filter(
      ([key]) => !Object.hasOwn(before, key),
    );
    members.set('attributes', JSON.stringify({ ...Object.fromEntries(others), ...annotation.attributes }));
  }
  return `{${[...members].map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`;
}

const sorted = (values: Record<string, unknown>): [string, unknown][] =>
  Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1));

function exportedImage(image: ProjectImage, fileName: string, id: number): CocoOutImage {
  return {
    ...parsedObject(image.original),
    id,
    file_name: fileName,
    width: image.width,
    height: image.height,
  };
}

function categoriesOf(set: ExportSet): CocoOutCategory[] {
  // Read last: annotations written meanwhile may be of a class that was made meanwhile.
  return set.store.storedCategories().map((category) => ({
    ...parsedObject(category.original),
    id: category.id,
    name: category.name,
    supercategory: category.supercategory,
  }));
}

function infoOf(store: ProjectStore): Record<string, unknown> {
  return (
    store.setting('coco.info', looseObject) ?? {
      description: store.summary().name,
      version: '1.0',
      contributor: '',
      url: '',
      date_created: store.setting('createdAt', z.string()) ?? '',
    }
  );
}

/** Told about every image and annotation that was written. */
export interface CocoProgress {
  image(): void;
  annotation(asImported: boolean): void;
}

/**
 * The project as the text of COCO instances, part by part, one entry a part. Annotations whose mask was made or changed
 * here have area = pixel count and bbox = bbox of the mask; untouched imports are as they came, to the digit. Ids never
 * change from one export to the next; everything is in the order of its id.
 */
export function* cocoParts(set: ExportSet, losses: Losses, progress?: CocoProgress): Generator<string, void> {
  const { store } = set;
  yield `{"info":${JSON.stringify(infoOf(store))},"licenses":`;
  yield JSON.stringify(store.setting('coco.licenses', z.array(z.unknown())) ?? []);
  yield ',"images":[';
  let separator = '';
  for (const { image, fileName, cocoId } of set.images(losses)) {
    yield `${separator}${JSON.stringify(exportedImage(image, fileName, cocoId))}`;
    separator = ',';
    progress?.image();
  }
  yield '],"annotations":[';
  separator = '';
  for (const annotation of set.annotations()) {
    const kept = asImported(annotation, annotation.cocoImageId);
    yield `${separator}${kept ?? ownText(set, annotation, losses)}`;
    separator = ',';
    progress?.annotation(kept !== null);
  }
  yield `],"categories":${JSON.stringify(categoriesOf(set))}}\n`;
}

function ownText(
  set: ExportSet,
  annotation: StoredAnnotation & { cocoImageId: number },
  losses: Losses,
): string {
  const geometry = cocoGeometry(annotation.mask, annotation.iscrowd, set.options);
  if (geometry.loss !== null) {
    const name = set.store.imageById(annotation.imageId).name;
    losses.add(geometry.loss, `${name} #${annotation.id} (${set.categoryName(annotation.categoryId)})`);
  }
  return JSON.stringify(cocoAnnotation({ ...annotation, imageId: annotation.cocoImageId }, geometry));
}

/** The masks of an image as pycocotools reads them. */
export function cocoReadBack(image: ExportImage, set: ExportSet): Rle[] {
  return image.annotations.map((annotation) =>
    isCocoUntouched(annotation)
      ? annotation.mask
      : cocoGeometry(annotation.mask, annotation.iscrowd, set.options).mask,
  );
}

/** What COCO loses of an image's masks, as `cocoParts` would tell it. */
export function cocoLosses(image: ExportImage, set: ExportSet, losses: Losses): void {
  for (const annotation of image.annotations) {
    if (isCocoUntouched(annotation)) continue;
    const { loss } = cocoGeometry(annotation.mask, annotation.iscrowd, set.options);
    if (loss !== null) losses.add(loss, set.nameOf(image, annotation));
  }
}
