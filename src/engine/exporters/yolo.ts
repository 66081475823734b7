import { yamlText } from '@shared/formats/simple-yaml';
import { parseYoloRow, yoloMask, yoloOutline } from '@shared/formats/yolo';
import { decodeMask, encodeMask, type Rle, rleIou } from '@shared/mask/rle';
import { parseOriginal } from '../datasets/original';
import { extensionOf } from '../project/paths';
import type { StoredAnnotation } from '../project/store';
import type { ExportSet } from './export-set';
import type { FolderFormat, OutFile } from './folder-format';
import type { Losses } from './losses';

/** The name of the one split: a project has no splits. */
const split = 'train';

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

  const imageName = ({ fileName, stem }: { fileName: string; stem: string }): string =>
    `${stem}${extensionOf(fileName)}`;

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
    paths: (image) => [
      `labels/${split}/${image.stem}.txt`,
      ...(copyImages ? [`images/${split}/${imageName(image)}`] : []),
    ],
    async files(image, losses) {
      const rows: string[] = [];
      const own = image.fileName.slice(0, image.fileName.length - extensionOf(image.fileName).length);
      if (own !== image.stem) {
        if (copyImages) losses.add('file-renamed', `${image.fileName} → ${imageName(image)}`);
        else losses.add('same-name', image.fileName);
      }
      for (const annotation of image.annotations) {
        const name = set.nameOf(image, annotation);
        const coordinates = coordinatesOf(annotation, name, losses);
        if (coordinates === null) continue;
        if (hasMore(annotation)) losses.add('attributes', name);
        rows.push(`${indices.get(annotation.categoryId) ?? 0} ${coordinates}\n`);
      }
      const files: OutFile[] = [{ path: `labels/${split}/${image.stem}.txt`, data: rows.join('') }];
      if (copyImages)
        files.push({
          path: `images/${split}/${imageName(image)}`,
          copyOf: set.store.imagePath(image.image.id),
        });
      return files;
    },
    about: () => {
      const names = set.categories.map(({ name }, index) => `  ${index}: ${yamlText(name)}\n`);
      const text = [
        '# Written by Maskwright. A project has no splits: "val" is what "train" is.\n',
        ...(copyImages
          ? []
          : [`# The images were not copied: put them, or a link to them, at images/${split}.\n`]),
        `path: .\ntrain: images/${split}\nval: images/${split}\n`,
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
