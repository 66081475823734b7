import { basename, dirname, join, resolve } from 'node:path';
import type { AttributeValues } from '@shared/attributes';
import { messageOf } from '@shared/contract/errors';
import {
  type LabelMeFile,
  type LabelMeShape,
  labelMeFileSchema,
  labelMeShapeMask,
  labelMeShapeSchema,
} from '@shared/formats/labelme';
import type { Size } from '@shared/geometry/types';
import { type Bitmap, unionBitmaps } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { z } from 'zod';
import { readPng } from '../images/png';
import { extensionOf, imageExtensions, pathInside } from '../project/paths';
import type { ProjectStore } from '../project/store';
import { importedAttributes } from './coco-attributes';
import { requireFolder } from './folder';
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
import { firstIssue, readJson } from './json-file';
import { originalText } from './original';
import { walkFiles } from './walk';

/**
 * Imports LabelMe: one JSON file, or every one in a folder and its subfolders. Shapes of one label and `group_id` are
 * one object. Pixels inside the JSON (`imageData`) are not read: the image itself must be there. Throws NOT_FOUND,
 * FORMAT_UNREADABLE (a single file that is no LabelMe) and CANCELLED (what is done stays).
 */
export async function importLabelMe(
  store: ProjectStore,
  location: string,
  options: ImportOptions,
): Promise<ImportReport> {
  const full = resolve(location);
  const single = extensionOf(full) === '.json';
  const root = single ? dirname(full) : await requireFolder(full);
  const folder = options.images === null ? root : await requireFolder(options.images);
  const finder = new ImageFinder(folder);
  const session = new ImportSession(store, finder, options);
  const files: string[] = [];
  if (single) files.push(full);
  else
    for await (const file of walkFiles(root, (name) => extensionOf(name) === '.json', session.skip))
      files.push(file);
  throwIfCancelled(options.signal);

  async function* entries(): AsyncGenerator<ImageToImport, void> {
    for (const file of files) {
      const item = pathInside(root, file) ?? file;
      try {
        const content = await readJson(file, labelMeFileSchema, 'a LabelMe file');
        yield await entryOf(session, content, item, finder);
      } catch (error) {
        // The one file that was named must be readable; in a folder other JSON files may lie about.
        if (single) throw error;
        session.skip(item, messageOf(error));
      }
    }
  }
  return session.run(entries(), files.length, basename(full));
}

/** `item`: the JSON file's path in the data set. */
async function entryOf(
  session: ImportSession,
  content: LabelMeFile,
  item: string,
  finder: ImageFinder,
): Promise<ImageToImport> {
  const objects = groupShapes(content.shapes, item, session.skip);
  const { imageWidth: width, imageHeight: height } = content;
  const stated = content.imagePath?.replace(/\\/g, '/') ?? '';
  // `imagePath` is relative to the JSON file; where it leads out of the folder, the name alone is looked for.
  const beside = pathInside(finder.folder, join(finder.folder, dirname(item), stated));
  const name = stated === '' ? item : (beside ?? stated);
  const file = (await finder.find(name)) ?? (await imageBeside(finder, item));
  return {
    name,
    ...(file === null ? {} : { file }),
    size: typeof width === 'number' && typeof height === 'number' ? { width, height } : null,
    count: objects.length,
    annotations: (size) =>
      objects.flatMap(({ shapes, place, key }): AnnotationToImport[] => {
        try {
          const mask = requirePixels(encodeMask(objectMask(shapes, size)));
          const categoryId = session.category(shapes[0]?.label ?? '');
          const original = originalText({ format: 'labelme', shapes });
          const iscrowd = shapes[0]?.flags?.iscrowd === true;
          const attributes = shapeAttributes(shapes[0]);
          return [{ categoryId, mask, importKey: key, original, iscrowd, attributes }];
        } catch (error) {
          session.skip(place, messageOf(error));
          return [];
        }
      }),
  };
}

/** The image of the JSON file's own name, where `imagePath` does not lead to one. */
async function imageBeside(finder: ImageFinder, item: string): Promise<string | null> {
  const stem = item.replace(/\.json$/i, '');
  for (const extension of imageExtensions) {
    const found = await finder.find(`${stem}${extension}`);
    if (found !== null) return found;
  }
  return null;
}

interface GroupedObject {
  shapes: LabelMeShape[];
  place: string;
  key: string;
}

/** Shapes of one label and group together, in the order of their first shapes. */
function groupShapes(raw: readonly unknown[], item: string, skip: ImportSession['skip']): GroupedObject[] {
  const objects: { shapes: LabelMeShape[]; place: string }[] = [];
  const groups = new Map<string, LabelMeShape[]>();
  for (const [index, entry] of raw.entries()) {
    const place = `${item}: shape ${index + 1}`;
    const parsed = labelMeShapeSchema.safeParse(entry);
    if (!parsed.success) {
      skip(place, firstIssue(parsed.error));
      continue;
    }
    const shape = parsed.data;
    const group = shape.group_id;
    const key = typeof group === 'number' ? `${group} ${shape.label}` : null;
    const known = key === null ? undefined : groups.get(key);
    if (known !== undefined) {
      known.push(shape);
      continue;
    }
    const shapes = [shape];
    if (key !== null) groups.set(key, shapes);
    objects.push({ shapes, place });
  }
  const used = new Map<string, number>();
  return objects.map(({ shapes, place }) => {
    const content = JSON.stringify(shapes);
    const copy = used.get(content) ?? 0;
    used.set(content, copy + 1);
    return { shapes, place, key: importKeyOf(`labelme ${copy} ${content}`) };
  });
}

function objectMask(shapes: readonly LabelMeShape[], size: Size): Bitmap {
  const masks = shapes.map((shape) => labelMeShapeMask(shape, size, (png) => decodeMaskPng(png, size)));
  return masks.reduce((all, mask) => unionBitmaps(all, mask));
}

/** The pixels of a mask shape in an image of this size: those of its PNG that are not 0. Throws an Error that says what is wrong. */
export function decodeMaskPng(base64: string, image: Size): Bitmap {
  const { width, height, values, palette } = readPng(Buffer.from(base64, 'base64'), (piece) => {
    if (piece.width > image.width || piece.height > image.height)
      throw new Error(`its mask is ${piece.width} × ${piece.height} pixels, more than the image`);
  });
  if (values === null || palette !== null) throw new Error('its mask is no grey PNG');
  return { width, height, data: Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)) };
}

/** The member `attributes` of a shape as it came; empty where there is none. */
export function looseAttributes(shape: LabelMeShape | undefined): Record<string, unknown> {
  const parsed = z.record(z.string(), z.unknown()).safeParse(shape?.attributes);
  return parsed.success ? parsed.data : {};
}

/** What a shape says that can be shown and edited; its description is the attribute of that name. */
export function shapeAttributes(shape: LabelMeShape | undefined): AttributeValues {
  const description = shape?.description?.trim() ?? '';
  return importedAttributes({ ...looseAttributes(shape), ...(description === '' ? {} : { description }) });
}
