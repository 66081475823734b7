import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { rleArea, rleBbox } from '@shared/mask/rle';
import { z } from 'zod';
import type { NewImage, ProjectImage, ProjectStore } from '../project/store';
import { type CocoDataset, finderFor, maskOf, readCocoFile } from './coco';
import type { CocoAnnotation, CocoCategory, CocoImage } from './coco-format';
import { mapConcurrent } from './concurrent';
import { requireFolder } from './folder';
import type { ImageFinder } from './image-finder';
import { type ImportProgress, readImages, throwIfCancelled } from './import-images';
import { breathe } from './json-file';
import type { Skipped } from './target';

export interface CocoReport {
  /** Images of the file that are in the project now. */
  images: number;
  /** Those of them that are new. */
  addedImages: number;
  /** Annotations of the file that are in the project now. */
  annotations: number;
  /** Those of them that are new. */
  addedAnnotations: number;
  /** New categories. */
  categories: number;
  skipped: Skipped[];
}

export interface ImportCocoOptions {
  /** Folder of the images; null: beside the JSON file, in a folder `images` there, or in the project already. */
  images: string | null;
  onProgress?: ImportProgress;
  onSkip?: (skipped: Skipped) => void;
  signal?: AbortSignal;
}

const finders = 3;

/** The project's category for each of the file's: the one of the same id and name, of the same name, or a new one. */
function importCategories(
  store: ProjectStore,
  categories: readonly CocoCategory[],
): { ids: Map<number, number>; added: number } {
  const ids = new Map<number, number>();
  const before = store.categories();
  let added = 0;
  for (const category of categories) {
    const supercategory = category.supercategory ?? '';
    const known =
      before.find((other) => other.id === category.id && other.name === category.name) ??
      before.find((other) => other.name === category.name && other.supercategory === supercategory) ??
      before.find((other) => other.name === category.name && other.supercategory === '');
    if (known !== undefined) {
      ids.set(category.id, known.id);
      continue;
    }
    const original = JSON.stringify(category);
    ids.set(
      category.id,
      store.addCategory({ id: category.id, name: category.name, supercategory, original }).id,
    );
    added += 1;
  }
  return { ids, added };
}

/** Keeps the file's info and licences; with several files licences of the same id keep the first one's text. */
function importHeader(store: ProjectStore, dataset: CocoDataset, skip: (skipped: Skipped) => void): void {
  const object = z.record(z.string(), z.unknown());
  const info = object.safeParse(dataset.info);
  if (info.success && store.setting('coco.info', object) === null) store.setSetting('coco.info', info.data);
  const known = store.setting('coco.licenses', z.array(z.unknown())) ?? [];
  const idOf = (licence: unknown): unknown =>
    typeof licence === 'object' && licence !== null && 'id' in licence ? licence.id : JSON.stringify(licence);
  const merged = [...known];
  for (const licence of dataset.licenses) {
    const same = merged.find((other) => idOf(other) === idOf(licence));
    if (same === undefined) merged.push(licence);
    else if (JSON.stringify(same) !== JSON.stringify(licence)) {
      skip({
        item: `licence ${String(idOf(licence))}`,
        reason: 'the project has another licence of this id',
      });
    }
  }
  if (merged.length > known.length) store.setSetting('coco.licenses', merged);
}

/** Tells whether this very entry was imported before. */
function keyOf(annotation: CocoAnnotation): string {
  return createHash('sha256').update(JSON.stringify(annotation)).digest('hex').slice(0, 32);
}

const idOf = (value: number | string | undefined): number | null => {
  const id = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : null;
};

interface Located {
  entry: CocoImage;
  /** Null: not found. A project's image, or a file that was read just now. */
  found: { known: ProjectImage } | { fresh: NewImage } | null;
  reason: string;
}

/** Finds the image of an entry: in the folder, else in the project by its whole or last name when only one fits. */
async function locate(
  store: ProjectStore,
  finder: ImageFinder,
  inProject: (fileName: string) => ProjectImage | null,
  entry: CocoImage,
): Promise<Located> {
  const file = await finder.find(entry.file_name);
  const known = file === null ? inProject(entry.file_name) : store.imageByFile(file);
  if (known !== null) return { entry, found: { known }, reason: '' };
  if (file === null) return { entry, found: null, reason: 'the image file was not found' };
  for await (const read of readImages([file])) {
    if ('reason' in read) return { entry, found: null, reason: read.reason };
    return { entry, found: { fresh: read }, reason: '' };
  }
  return { entry, found: null, reason: 'the image file was not read' };
}

/** Looks the project's images up by path and by the last part of it; ambiguous names give null. */
function projectLookup(store: ProjectStore): (fileName: string) => ProjectImage | null {
  const byName = new Map<string, ProjectImage | null>();
  const put = (name: string, image: ProjectImage): void => {
    const other = byName.get(name);
    byName.set(name, other === undefined || other?.id === image.id ? image : null);
  };
  for (const image of store.allImages()) {
    put(image.path, image);
    const last = image.path.slice(image.path.lastIndexOf('/') + 1);
    if (last !== image.path) put(last, image);
  }
  return (fileName) => {
    const name = fileName.replace(/\\/g, '/');
    return byName.get(name) ?? byName.get(name.slice(name.lastIndexOf('/') + 1)) ?? null;
  };
}

/**
 * Imports a COCO instances file with its images. Every annotation is kept as it came, so that an untouched one is
 * exported the same; running it again adds only what is missing. Entries that cannot be used are reported, never
 * fatal. Throws NOT_FOUND, FORMAT_UNREADABLE and CANCELLED (what is done stays).
 */
export async function importCoco(
  store: ProjectStore,
  file: string,
  options: ImportCocoOptions,
): Promise<CocoReport> {
  if (options.images !== null) await requireFolder(options.images);
  const dataset = await readCocoFile(file);
  throwIfCancelled(options.signal);
  const report: CocoReport = {
    images: 0,
    addedImages: 0,
    annotations: 0,
    addedAnnotations: 0,
    categories: 0,
    skipped: [],
  };
  const skip = (skipped: Skipped): void => {
    report.skipped.push(skipped);
    options.onSkip?.(skipped);
  };
  for (const skipped of dataset.skipped) skip(skipped);
  const categories = store.batch(() => {
    importHeader(store, dataset, skip);
    return importCategories(store, dataset.categories);
  });
  report.categories = categories.added;

  const finder = finderFor(file, options.images);
  const inProject = projectLookup(store);
  const total = dataset.images.length;
  let done = 0;
  options.onProgress?.(done, total);
  const located = mapConcurrent(
    dataset.images,
    finders,
    (entry) => locate(store, finder, inProject, entry),
    options.signal,
  );
  for await (const place of located) {
    importImage(store, place, { dataset, categories: categories.ids, folder: finder.folder, report, skip });
    done += 1;
    options.onProgress?.(done, total);
    await breathe();
  }
  throwIfCancelled(options.signal);
  if (report.addedImages + report.addedAnnotations + report.categories > 0) {
    const what = `${report.addedAnnotations} annotations and ${report.addedImages} images`;
    store.recordEvent(`Import ${what} from ${basename(file)}`);
  }
  return report;
}

interface Context {
  dataset: CocoDataset;
  categories: ReadonlyMap<number, number>;
  folder: string;
  report: CocoReport;
  skip: (skipped: Skipped) => void;
}

/** One image and its annotations, in one commit. */
function importImage(store: ProjectStore, place: Located, context: Context): void {
  const { entry, found } = place;
  const { report, skip } = context;
  const entries = context.dataset.annotations.get(String(entry.id)) ?? [];
  const refuse = (reason: string): void => {
    const lost = entries.length === 0 ? '' : ` (${entries.length} annotations left out)`;
    skip({ item: entry.file_name, reason: reason + lost });
  };
  if (found === null) {
    refuse(place.reason);
    return;
  }
  const size = 'known' in found ? found.known : found.fresh;
  if (size.width !== entry.width || size.height !== entry.height) {
    refuse(
      `the image is ${size.width} × ${size.height} pixels, the file says ${entry.width} × ${entry.height}`,
    );
    return;
  }
  store.batch(() => {
    const added = 'fresh' in found ? store.addImages(context.folder, [found.fresh]) : null;
    const image = added?.images[0] ?? ('known' in found ? found.known : undefined);
    if (image === undefined) return;
    report.images += 1;
    report.addedImages += added?.added ?? 0;
    store.setImageOriginal(image.id, idOf(entry.id), JSON.stringify(entry));
    for (const annotation of entries) importEntry(store, annotation, entry, image.id, context);
    if (entries.length > 0) store.markImported(image.id);
  });
}

function importEntry(
  store: ProjectStore,
  annotation: CocoAnnotation,
  entry: CocoImage,
  imageId: string,
  context: Context,
): void {
  const mask = maskOf(annotation, entry, context.skip);
  const categoryId = context.categories.get(annotation.category_id);
  if (mask === null || categoryId === undefined) return;
  const fresh = store.importAnnotation({
    id: idOf(annotation.id),
    imageId,
    categoryId,
    mask,
    bbox: annotation.bbox ?? rleBbox(mask),
    area: annotation.area ?? rleArea(mask),
    iscrowd: annotation.iscrowd === 1 || annotation.iscrowd === true,
    importKey: keyOf(annotation),
    original: JSON.stringify(annotation),
  });
  context.report.annotations += 1;
  if (fresh) context.report.addedAnnotations += 1;
}
