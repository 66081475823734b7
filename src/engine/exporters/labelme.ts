import { relative as relativeHere } from 'node:path';
import { dirname, isAbsolute, join, relative } from 'node:path/posix';
import { isDeepStrictEqual } from 'node:util';
import {
  type LabelMeShape,
  labelMeShapeMask,
  labelMeShapeSchema,
  labelMeShapes,
} from '@shared/formats/labelme';
import { type Bitmap, createBitmap, unionBitmaps } from '@shared/mask/bitmap';
import { decodeMask, encodeMask, type Rle, rleIou } from '@shared/mask/rle';
import { decodeMaskPng, looseAttributes, shapeAttributes } from '../datasets/import-labelme';
import { parseOriginal } from '../datasets/original';
import { writePng } from '../images/png';
import { extensionOf, toSlashes } from '../project/paths';
import type { StoredAnnotation } from '../project/store';
import type { ExportImage, ExportSet } from './export-set';
import type { FolderFormat, OutFile } from './folder-format';

/** The LabelMe version whose form is written. */
const version = '5.5.0';

function asImported(annotation: StoredAnnotation): readonly LabelMeShape[] | null {
  const original = annotation.maskEdited ? null : parseOriginal(annotation.original);
  return original?.format === 'labelme' ? original.shapes : null;
}

const encodePng = ({ width, height, data }: Bitmap): string =>
  writePng({ width, height, values: data.map((value) => value * 255) }).toString('base64');

/**
 * LabelMe: one JSON an image, named after it. Parts of an object share a `group_id`; parts with holes are mask shapes.
 * What LabelMe has no place for goes into the shape's `attributes`, which it keeps.
 *
 * @param folder where the files will be, to say where the images are from there
 */
export function labelMeFormat(set: ExportSet, folder: string): FolderFormat {
  const { copyImages, tolerance } = set.options;
  const jsonPath = (image: { stem: string }): string => `${image.stem}.json`;
  const copyPath = (image: { stem: string; fileName: string }): string =>
    `${image.stem}${extensionOf(image.fileName)}`;

  const shapesOf = (annotation: StoredAnnotation, groups: Groups): LabelMeShape[] => {
    const label = set.categoryName(annotation.categoryId);
    const kept = asImported(annotation);
    if (kept !== null) return keptShapes(kept, annotation, label, groups);
    const geometries = labelMeShapes(decodeMask(annotation.mask), tolerance, encodePng);
    const { description, more } = described(annotation);
    const attributes = {
      author: annotation.author,
      ...(annotation.score === null ? {} : { score: annotation.score }),
      ...more,
    };
    const flags: Record<string, boolean> = annotation.iscrowd ? { iscrowd: true } : {};
    const group = geometries.length > 1 ? groups.next() : null;
    return geometries.map(({ shape_type, points, mask }) => ({
      label,
      points,
      group_id: group,
      description,
      shape_type,
      flags,
      mask,
      attributes,
    }));
  };

  return {
    paths: (image) => [jsonPath(image), ...(copyImages ? [copyPath(image)] : [])],
    async files(image, losses) {
      const path = jsonPath(image);
      const source = set.store.imagePath(image.image.id);
      if (copyPath(image) !== image.fileName && copyImages)
        losses.add('file-renamed', `${image.fileName} → ${copyPath(image)}`);
      const groups = new Groups(image.annotations);
      const shapes = image.annotations.flatMap((annotation) => {
        const own = shapesOf(annotation, groups);
        if (tolerance > 0 && asImported(annotation) === null) {
          const back = readShapes(own, annotation);
          if (rleIou(back, annotation.mask) < 1) losses.add('simplified', set.nameOf(image, annotation));
        }
        return own;
      });
      const content = {
        version,
        flags: {},
        shapes,
        imagePath: copyImages
          ? relative(dirname(path), copyPath(image))
          : pathFrom(join(toSlashes(folder), dirname(path)), source),
        imageData: null,
        imageHeight: image.image.height,
        imageWidth: image.image.width,
      };
      const files: OutFile[] = [{ path, data: `${JSON.stringify(content, null, 2)}\n` }];
      if (copyImages) files.push({ path: copyPath(image), copyOf: source });
      return { files, annotations: image.annotations };
    },
    about: () => [],
    isAsImported: (annotation) => asImported(annotation) !== null,
    readBack: (image: ExportImage) => {
      const groups = new Groups(image.annotations);
      return image.annotations.map((annotation) => readShapes(shapesOf(annotation, groups), annotation));
    },
  };
}

/** Group numbers of one image: imported ones stay, new ones are above them. */
class Groups {
  readonly #taken = new Set<string>();
  #highest = 0;

  constructor(annotations: readonly StoredAnnotation[]) {
    for (const annotation of annotations)
      for (const { group_id: group } of asImported(annotation) ?? [])
        if (typeof group === 'number') this.#highest = Math.max(this.#highest, group);
  }

  next(): number {
    this.#highest += 1;
    return this.#highest;
  }

  /** The imported number, unless another object of this label has it since the label was changed. */
  keep(group: number, label: string): number {
    const key = `${group} ${label}`;
    if (this.#taken.has(key)) return this.next();
    this.#taken.add(key);
    return group;
  }
}

/** Imported shapes with the label, and what else was edited since. */
function keptShapes(
  kept: readonly LabelMeShape[],
  annotation: StoredAnnotation,
  label: string,
  groups: Groups,
): LabelMeShape[] {
  const imported = kept[0]?.group_id;
  const group = typeof imported === 'number' ? groups.keep(imported, label) : null;
  const before = shapeAttributes(kept[0]);
  const isEdited = !isDeepStrictEqual(before, annotation.attributes);
  const { description, more } = described(annotation);
  return kept.map((shape) => {
    const own: LabelMeShape = { ...shape, label };
    if (group !== null) own.group_id = group;
    if (annotation.iscrowd !== (shape.flags?.iscrowd === true))
      own.flags = { ...shape.flags, iscrowd: annotation.iscrowd };
    if (!isEdited) return own;
    const others = Object.entries(looseAttributes(shape)).filter(([key]) => !Object.hasOwn(before, key));
    return { ...own, description, attributes: { ...Object.fromEntries(others), ...more } };
  });
}

/** LabelMe has a place of its own for a description, which is the query where there is one. */
function described({ query, attributes }: StoredAnnotation): {
  description: string;
  more: StoredAnnotation['attributes'];
} {
  const { description, ...more } = attributes;
  if (query === null && typeof description === 'string') return { description, more };
  return { description: query ?? '', more: attributes };
}

/** Relative with forward slashes; absolute where there is no relative way (another drive). */
function pathFrom(folder: string, file: string): string {
  const way = toSlashes(relativeHere(folder, file));
  return isAbsolute(way) ? toSlashes(file) : way;
}

function readShapes(shapes: readonly LabelMeShape[], annotation: StoredAnnotation): Rle {
  const [height, width] = annotation.mask.size;
  let mask = createBitmap(width, height);
  for (const shape of shapes) {
    mask = unionBitmaps(
      mask,
      labelMeShapeMask(labelMeShapeSchema.parse(shape), mask, (png) => decodeMaskPng(png, { width, height })),
    );
  }
  return encodeMask(mask);
}
