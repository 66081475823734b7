import { relative as relativeHere } from 'node:path';
import { dirname, isAbsolute, join, relative } from 'node:path/posix';
import {
  type LabelMeShape,
  labelMeShapeMask,
  labelMeShapeSchema,
  labelMeShapes,
} from '@shared/formats/labelme';
import { type Bitmap, createBitmap, unionBitmaps } from '@shared/mask/bitmap';
import { decodeMask, encodeMask, type Rle, rleIou } from '@shared/mask/rle';
import { decodeMaskPng } from '../datasets/import-labelme';
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

  const shapesOf = (annotation: StoredAnnotation, group: number): LabelMeShape[] => {
    const label = set.categoryName(annotation.categoryId);
    const kept = asImported(annotation);
    if (kept !== null)
      return kept.map((shape) => ({ ...shape, label, ...(kept.length > 1 ? { group_id: group } : {}) }));
    const geometries = labelMeShapes(decodeMask(annotation.mask), tolerance, encodePng);
    const more = {
      author: annotation.author,
      ...(annotation.score === null ? {} : { score: annotation.score }),
      ...annotation.attributes,
    };
    const flags: Record<string, boolean> = annotation.iscrowd ? { iscrowd: true } : {};
    return geometries.map(({ shape_type, points, mask }) => ({
      label,
      points,
      group_id: geometries.length > 1 ? group : null,
      description: annotation.query ?? '',
      shape_type,
      flags,
      mask,
      attributes: more,
    }));
  };

  return {
    paths: (image) => [jsonPath(image), ...(copyImages ? [copyPath(image)] : [])],
    async files(image, losses) {
      const path = jsonPath(image);
      const source = set.store.imagePath(image.image.id);
      if (copyPath(image) !== image.fileName && copyImages)
        losses.add('file-renamed', `${image.fileName} → ${copyPath(image)}`);
      const shapes = image.annotations.flatMap((annotation, index) => {
        const own = shapesOf(annotation, index + 1);
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
    readBack: (image: ExportImage) =>
      image.annotations.map((annotation) => readShapes(shapesOf(annotation, 1), annotation)),
  };
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
    mask = unionBitmaps(mask, labelMeShapeMask(labelMeShapeSchema.parse(shape), mask, decodeMaskPng));
  }
  return encodeMask(mask);
}
