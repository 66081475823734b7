import { basename } from 'node:path';
import { z } from 'zod';
import type { ProjectStore } from '../project/store';
import { type CocoDataset, finderFor, maskOf, readCocoFile } from './coco';
import { importedAttributes } from './coco-attributes';
import type { CocoCategory } from './coco-format';
import { requireFolder } from './folder';
import { throwIfCancelled } from './import-images';
import {
  type ImageToImport,
  type ImportOptions,
  type ImportReport,
  ImportSession,
  importKeyOf,
} from './import-session';

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
function importHeader(store: ProjectStore, dataset: CocoDataset, skip: ImportSession['skip']): void {
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
      skip(`licence ${String(idOf(licence))}`, 'the project has another licence of this id');
    }
  }
  if (merged.length > known.length) store.setSetting('coco.licenses', merged);
}

const idOf = (value: number | string | undefined): number | null => {
  const id = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof id === 'number' && Number.isSafeInteger(id) ? id : null;
};

/**
 * Imports a COCO instances file with its images. Every annotation is kept as it came, so that an untouched one is
 * exported the same; running it again adds only what is missing. Entries that cannot be used are reported, never
 * fatal. Throws NOT_FOUND, FORMAT_UNREADABLE and CANCELLED (what is done stays).
 */
export async function importCoco(
  store: ProjectStore,
  file: string,
  options: ImportOptions,
): Promise<ImportReport> {
  if (options.images !== null) await requireFolder(options.images);
  const dataset = await readCocoFile(file, { keepSources: true });
  throwIfCancelled(options.signal);
  const session = new ImportSession(store, finderFor(file, options.images), options);
  for (const { item, reason } of dataset.skipped) session.skip(item, reason);
  const categories = store.batch(() => {
    importHeader(store, dataset, session.skip);
    return importCategories(store, dataset.categories);
  });
  session.report.categories = categories.added;
  function* entries(): Generator<ImageToImport, void> {
    for (const image of dataset.images) {
      const list = dataset.annotations.get(String(image.id)) ?? [];
      yield {
        name: image.file_name,
        size: image,
        original: { cocoId: idOf(image.id), json: JSON.stringify(image) },
        count: list.length,
        annotations: () =>
          list.flatMap((annotation) => {
            const mask = maskOf(annotation, image, ({ item, reason }) => session.skip(item, reason));
            const categoryId = categories.ids.get(annotation.category_id);
            if (mask === null || categoryId === undefined) return [];
            const entry = JSON.stringify(annotation);
            return {
              id: idOf(annotation.id),
              categoryId,
              mask,
              ...(annotation.bbox === undefined ? {} : { bbox: annotation.bbox }),
              ...(annotation.area === undefined ? {} : { area: annotation.area }),
              iscrowd: annotation.iscrowd === 1 || annotation.iscrowd === true,
              attributes: importedAttributes(annotation.attributes),
              importKey: importKeyOf(entry),
              original: dataset.sources.get(annotation) ?? entry,
            };
          }),
      };
    }
  }
  return session.run(entries(), dataset.images.length, basename(file));
}
