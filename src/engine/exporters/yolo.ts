import { yamlText } from '@shared/formats/simple-yaml';
import { parseYoloRow, yoloMask, yoloOutline } from '@shared/formats/yolo';
import { decodeMask, encodeMask, type Rle, rleIou } from '@shared/mask/rle';
import { parseOriginal } from '../datasets/original';
import { extensionOf } from '../project/paths';
import type { StoredAnnotation } from '../project/store';
import type { ExportSet } from './export-set';
import type { FolderFormat, OutFile } from './folder-format';
import type { Losses } from './losses';

const splits = ['train', 'val', 'test'] as const;
type Split = (typeof splits)[number];

/**
 * Where an image goes: the split and the path in it. A project has no splits, so that all is `train` unless the image
 * lies in a YOLO data set's folder of a split. Readers find a label by the last folder called `images`, so no folder
 * below may have that name.
 */
function placeOf(stem: string): { split: Split; path: string } {
  const [, before, after] = /^(?:images\/(train|val|test)|(train|valid|val|test)\/images)\//.exec(stem) ?? [];
  const name = before ?? after ?? 'train';
  const split = splits.find((known) => known === name) ?? 'val';
  const rest = stem
    .replace(/^(images\/(train|val|test)|(train|valid|val|test)\/images|images)\//, '')
    .split('/')
    .map((part, index, parts) => (part === 'images' && index < parts.length - 1 ? 'imgs' : part));
  return { split, path: rest.join('/') };
}

/** The coordinates that an untouched annotation was imported with; null: it has none. */
function asImported(annotation: StoredAnnotation): string | null {
  const original = annotation.maskEdited ? null : parseOriginal(annotation.original);
  return original?.format === 'yolo-seg' ? original.coordinates : null;
}

/**
 * YOLO segmentation as Ultralytics reads it: data.yaml, labels/train, and images/train when images are copied. One row
 * an object; holes are filled, parts joined by lines of one pixel, crowds left out.
 */
export function yoloFormat(set: ExportSet): FolderFormat {
  const indices = new Map(set.categories.map(({ id }, index) => [id, index]));
  const { copyImages, tolerance } = set.options;

  const labelPath = ({ stem }: { stem: string }): string => {
    const { split, path } = placeOf(stem);
    return `labels/${split}/${path}.txt`;
  };
  const imagePath = ({ fileName, stem }: { fileName: string; stem: string }): string => {
    const { split, path } = placeOf(stem);
    return `images/${split}/${path}${extensionOf(fileName)}`;
  };
  /** Labels that were written, by the image that they are of. */
  const written = new Map<string, string>();

  const coordinatesOf = (
    annotation: StoredAnnotation,
    name: string,
    losses: Losses | null,
  ): string | null => {
    if (annotation.iscrowd) {
      losses?.add('crowd-left-out', name);
      return null;
    }
    const kept = asImported(annotation);
    if (kept !== null) return kept;
    const mask = decodeMask(annotation.mask);
    const outline = yoloOutline(mask, tolerance);
    if (outline === null) return null;
    if (losses !== null) {
      if (outline.filledHoles > 0) losses.add('holes-filled', name);
      if (outline.parts > 1) losses.add('parts-joined', name);
      if (tolerance > 0 && rleIou(maskOf(outline.text, annotation.mask), annotation.mask) < 1)
        losses.add('simplified', name);
    }
    return outline.text;
  };

  return {
    paths: (image) => [labelPath(image), ...(copyImages ? [imagePath(image)] : [])],
    async files(image, losses) {
      const rows: string[] = [];
      const annotations: StoredAnnotation[] = [];
      const own = image.fileName.slice(0, image.fileName.length - extensionOf(image.fileName).length);
      const other = written.get(labelPath(image));
      if (other !== undefined && other !== image.image.id) {
        losses.add('same-name', image.fileName);
        return null;
      }
      written.set(labelPath(image), image.image.id);
      if (own !== image.stem) {
        if (copyImages) losses.add('file-renamed', `${image.fileName} → ${imagePath(image)}`);
        else losses.add('same-name', image.fileName);
      }
      for (const annotation of image.annotations) {
        const name = set.nameOf(image, annotation);
        const index = indices.get(annotation.categoryId);
        if (index === undefined) {
          losses.add('class-unknown', name);
          continue;
        }
        const coordinates = coordinatesOf(annotation, name, losses);
        if (coordinates === null) continue;
        if (hasMore(annotation)) losses.add('attributes', name);
        rows.push(`${index} ${coordinates}\n`);
        annotations.push(annotation);
      }
      const files: OutFile[] = [{ path: labelPath(image), data: rows.join('') }];
      if (copyImages) files.push({ path: imagePath(image), copyOf: set.store.imagePath(image.image.id) });
      return { files, annotations };
    },
    about: (images) => {
      const names = set.categories.map(({ name }, index) => `  ${index}: ${yamlText(name)}\n`);
      const used = new Set(images.map(({ stem }) => placeOf(stem).split));
      // Ultralytics asks for both; without a split of its own the one there is stands for it.
      const [first = 'train'] = splits.filter((split) => used.has(split));
      const lines = splits
        .filter((split) => split !== 'test' || used.has('test'))
        .map((split) => `${split}: images/${used.has(split) ? split : first}\n`);
      const text = [
        '# Written by Maskwright. Folders are relative to this file.\n',
        ...(copyImages
          ? []
          : ['# The images were not copied: put them, or links to them, into the folders below.\n']),
        ...lines,
        `nc: ${names.length}\nnames:\n${names.join('')}`,
      ];
      return [{ path: 'data.yaml', data: text.join('') }];
    },
    isAsImported: (annotation) => !annotation.iscrowd && asImported(annotation) !== null,
    readBack: (image) =>
      image.annotations.map((annotation) => {
        const coordinates = coordinatesOf(annotation, '', null);
        return coordinates === null ? null : maskOf(coordinates, annotation.mask);
      }),
  };
}

/** The mask that Ultralytics makes of the coordinates. */
function maskOf(coordinates: string, { size: [height, width] }: Rle): Rle {
  const row = parseYoloRow(`0 ${coordinates}`);
  return encodeMask(yoloMask(row.kind === 'polygon' ? row.coordinates : [], { width, height }));
}

/** Whether an annotation says more than its class and its pixels. */
export function hasMore({ query, score, attributes }: StoredAnnotation): boolean {
  return query !== null || score !== null || Object.keys(attributes).length > 0;
}
