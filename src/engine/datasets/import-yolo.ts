import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { messageOf } from '@shared/contract/errors';
import { parseYoloRow, yoloMask } from '@shared/formats/yolo';
import { encodeMask } from '@shared/mask/rle';
import { pathInside } from '../project/paths';
import type { ProjectStore } from '../project/store';
import { ImageFinder } from './image-finder';
import { throwIfCancelled } from './import-images';
import {
  type AnnotationToImport,
  type ImageToImport,
  type ImportOptions,
  type ImportReport,
  ImportSession,
  importKeyOf,
  requirePixels,
} from './import-session';
import { breathe } from './json-file';
import { originalText } from './original';
import { readYoloLayout } from './yolo-layout';

interface LabelRow {
  /** Where it is, for reports. */
  item: string;
  categoryId: number;
  coordinates: number[];
  text: string;
}

/**
 * Imports a YOLO segmentation data set: data.yaml (or its folder), images and label files. A row is the mask that
 * Ultralytics makes of it. Rows of plain boxes are reported: they say nothing about pixels. Throws NOT_FOUND,
 * FORMAT_UNREADABLE and CANCELLED (what is done stays).
 */
export async function importYolo(
  store: ProjectStore,
  location: string,
  options: ImportOptions,
): Promise<ImportReport> {
  const early: [string, string][] = [];
  const layout = await readYoloLayout(location, options.images, (item, reason) => early.push([item, reason]));
  throwIfCancelled(options.signal);
  const session = new ImportSession(store, new ImageFinder(layout.root), options);
  for (const [item, reason] of early) session.skip(item, reason);
  const { skip } = session;
  const categories = new Map<number, number>();
  store.batch(() => {
    for (const [index, name] of [...layout.names].sort(([a], [b]) => a - b))
      categories.set(index, session.category(name));
  });

  async function* entries(): AsyncGenerator<ImageToImport, void> {
    for (const [number, { image, label }] of layout.pairs.entries()) {
      if (number % 200 === 199) await breathe();
      const name = pathInside(layout.root, image) ?? image;
      const rows = label === null ? [] : await readRows(label, categories, layout.root, skip);
      yield {
        name,
        file: image,
        folder:
          pathInside(layout.root, image) === null ? resolve(options.images ?? dirname(image)) : layout.root,
        size: null,
        count: rows.length,
        annotations: (size) => {
          const annotations = new Map<string, AnnotationToImport>();
          for (const row of rows) {
            try {
              const importKey = importKeyOf(`yolo-seg ${row.categoryId} ${row.text}`);
              if (annotations.has(importKey)) throw new Error('it is there twice');
              const mask = requirePixels(encodeMask(yoloMask(row.coordinates, size)));
              const original = originalText({ format: 'yolo-seg', coordinates: row.text });
              annotations.set(importKey, { categoryId: row.categoryId, mask, importKey, original });
            } catch (error) {
              skip(row.item, messageOf(error));
            }
          }
          return [...annotations.values()];
        },
      };
    }
  }
  return session.run(entries(), layout.pairs.length, basename(location));
}

async function readRows(
  label: string,
  categories: ReadonlyMap<number, number>,
  root: string,
  skip: ImportSession['skip'],
): Promise<LabelRow[]> {
  const name = pathInside(root, label) ?? label;
  const rows: LabelRow[] = [];
  let text: string;
  try {
    text = (await readFile(label, 'utf8')).replace(/^\ufeff/, '');
  } catch (error) {
    skip(name, messageOf(error));
    return rows;
  }
  let boxes = 0;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const item = `${name}:${index + 1}`;
    const row = parseYoloRow(line);
    if (row.kind === 'bad') skip(item, row.reason);
    else if (row.kind === 'box') boxes += 1;
    else {
      const categoryId = categories.get(row.classIndex);
      if (categoryId === undefined) skip(item, `there is no class ${row.classIndex} in data.yaml`);
      else rows.push({ item, categoryId, coordinates: row.coordinates, text: row.text });
    }
  }
  if (boxes > 0)
    skip(
      name,
      `${boxes} of its rows ${boxes === 1 ? 'is a plain box' : 'are plain boxes'}, which no mask is made of`,
    );
  return rows;
}
