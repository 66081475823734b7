import { basename, dirname } from 'node:path';
import { rawElements, rawMembers } from '@shared/formats/json-slices';
import type { Rle } from '@shared/mask/rle';
import {
  type CocoAnnotation,
  type CocoCategory,
  type CocoImage,
  cocoAnnotationSchema,
  cocoCategorySchema,
  cocoFileSchema,
  cocoImageSchema,
} from './coco-format';
import { ImageFinder } from './image-finder';
import { breathe, firstIssue, parseJson, readText } from './json-file';
import { segmentationToRle } from './segmentation';
import { type DatasetTarget, type Skipped, targetOf } from './target';

/** A COCO instances file whose entries were checked one by one. */
export interface CocoDataset {
  info: unknown;
  licenses: unknown[];
  images: CocoImage[];
  categories: CocoCategory[];
  /** Annotations by the text of their image's id, in the file's order. */
  annotations: Map<string, CocoAnnotation[]>;
  /** Number of usable annotations. */
  count: number;
  /** Entries that are broken or belong to nothing. */
  skipped: Skipped[];
  /** The text of each annotation as the file has it; empty unless it was asked for. */
  sources: Map<CocoAnnotation, string>;
}

const breathEvery = 2000;

const named = (value: unknown): string => {
  if (typeof value === 'object' && value !== null && 'id' in value) return String(value.id);
  return '?';
};

/** Reads a COCO instances file. Throws NOT_FOUND or FORMAT_UNREADABLE; single bad entries are in `skipped`. */
export async function readCocoFile(
  file: string,
  options: { keepSources?: boolean } = {},
): Promise<CocoDataset> {
  const text = await readText(file);
  const raw = parseJson(text, file, cocoFileSchema, 'a COCO instances file');
  const texts = options.keepSources === true ? annotationTexts(text) : [];
  const sources = new Map<CocoAnnotation, string>();
  const skipped: Skipped[] = [];
  const images: CocoImage[] = [];
  const ids = new Set<string>();
  for (const entry of raw.images) {
    const parsed = cocoImageSchema.safeParse(entry);
    if (!parsed.success) skipped.push({ item: `image ${named(entry)}`, reason: firstIssue(parsed.error) });
    else if (ids.has(String(parsed.data.id))) {
      skipped.push({ item: `image ${parsed.data.id}`, reason: 'another image has the same id' });
    } else {
      ids.add(String(parsed.data.id));
      images.push(parsed.data);
    }
  }
  const categories: CocoCategory[] = [];
  const categoryIds = new Set<number>();
  for (const entry of raw.categories) {
    const parsed = cocoCategorySchema.safeParse(entry);
    if (!parsed.success) skipped.push({ item: `category ${named(entry)}`, reason: firstIssue(parsed.error) });
    else if (!categoryIds.has(parsed.data.id)) {
      categoryIds.add(parsed.data.id);
      categories.push(parsed.data);
    }
  }
  const annotations = new Map<string, CocoAnnotation[]>();
  let count = 0;
  for (const [index, entry] of raw.annotations.entries()) {
    if (index % breathEvery === breathEvery - 1) await breathe();
    const item = `annotation ${named(entry)}`;
    const parsed = cocoAnnotationSchema.safeParse(entry);
    if (!parsed.success) {
      skipped.push({ item, reason: firstIssue(parsed.error) });
      continue;
    }
    const { image_id: imageId, category_id: categoryId } = parsed.data;
    if (!ids.has(String(imageId))) skipped.push({ item, reason: `there is no image ${imageId}` });
    else if (!categoryIds.has(categoryId))
      skipped.push({ item, reason: `there is no category ${categoryId}` });
    else {
      const list = annotations.get(String(imageId)) ?? [];
      list.push(parsed.data);
      annotations.set(String(imageId), list);
      const source = texts[index];
      if (source !== undefined) sources.set(parsed.data, source);
      count += 1;
    }
  }
  const { info, licenses = [] } = raw;
  return { info, licenses, images, categories, annotations, count, skipped, sources };
}

/** The texts of the annotations in their order; of several members of this name the last one counts, as in JSON.parse. */
function annotationTexts(text: string): string[] {
  const member = rawMembers(text)
    .filter(({ key }) => key === 'annotations')
    .pop();
  return member === undefined ? [] : rawElements(member.value);
}

export interface ReadOptions {
  /** Folder of the images; null or absent: beside the JSON file or in a folder `images` there. */
  images?: string | null;
  onSkip?: (skipped: Skipped) => void;
}

/** The finder of a dataset file's images. */
export function finderFor(file: string, images: string | null | undefined): ImageFinder {
  return new ImageFinder(images === null || images === undefined ? dirname(file) : images);
}

/** The category's name of an id, or its number when the file does not name it. */
export function categoryNames(categories: readonly CocoCategory[]): Map<number, string> {
  return new Map(categories.map((category) => [category.id, category.name]));
}

/** The mask of an annotation; null, told to `onSkip`, when it cannot be read. */
export function maskOf(
  annotation: CocoAnnotation,
  image: CocoImage,
  onSkip?: (skipped: Skipped) => void,
): Rle | null {
  try {
    return segmentationToRle(annotation.segmentation, image);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    onSkip?.({ item: `annotation ${annotation.id ?? '?'}`, reason });
    return null;
  }
}

/** One target for every annotation that is no crowd: the query is the category's name. */
export async function* readCoco(
  file: string,
  options: ReadOptions = {},
): AsyncGenerator<DatasetTarget, void> {
  const dataset = await readCocoFile(file);
  for (const skipped of dataset.skipped) options.onSkip?.(skipped);
  const finder = finderFor(file, options.images);
  const names = categoryNames(dataset.categories);
  for (const image of dataset.images) {
    const list = dataset.annotations.get(String(image.id)) ?? [];
    for (const [index, annotation] of list.entries()) {
      if (annotation.iscrowd === true || annotation.iscrowd === 1) continue;
      const mask = maskOf(annotation, image, options.onSkip);
      if (mask === null) continue;
      const category = names.get(annotation.category_id) ?? String(annotation.category_id);
      const id = Number(annotation.id);
      yield targetOf({
        key: `${image.id}/${annotation.id ?? `#${index}`}`,
        fileName: image.file_name,
        imagePath: await finder.find(image.file_name),
        imageId: String(image.id),
        query: category,
        groundTruth: mask,
        category,
        annotationIds: Number.isSafeInteger(id) ? [id] : [],
      });
    }
  }
}

/** Last part of a file name that may have slashes of either kind. */
export function baseName(fileName: string): string {
  return basename(fileName.replace(/\\/g, '/'));
}
