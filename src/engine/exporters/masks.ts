import { labelMapName, labelMapText, vocColor } from '@shared/formats/voc';
import { decodeMask, emptyRle, encodeMask, type Rle } from '@shared/mask/rle';
import { writePng } from '../images/png';
import { extensionOf } from '../project/paths';
import type { ExportImage, ExportSet } from './export-set';
import type { FolderFormat, OutFile } from './folder-format';
import type { Losses } from './losses';
import { hasMore } from './yolo';

/** Highest number that an 8-bit mask holds; 255 means "ignored". */
const most = 254;
const palette = Array.from({ length: 256 }, (_, index) => vocColor(index));

/**
 * Index masks in the layout of Pascal VOC: SegmentationClass (class numbers in the order of labelmap.txt, 0 background)
 * and SegmentationObject (object numbers from bottom to top), both with VOC's colours. Where masks overlap, the upper
 * one on the canvas wins; crowds lie at the bottom.
 */
export function masksFormat(set: ExportSet): FolderFormat {
  const { copyImages } = set.options;
  const numbers = new Map<number, number>();
  const names = ['background'];
  const renamed: string[] = [];
  const merged: string[] = [];
  for (const { id, name } of set.categories) {
    const written = labelMapName(name);
    if (written !== name) renamed.push(`${name} → ${written}`);
    const known = names.indexOf(written);
    if (known > 0) merged.push(`${name} (${id})`);
    numbers.set(id, known > 0 ? known : names.push(written) - 1);
  }
  const imageName = ({ fileName, stem }: { fileName: string; stem: string }): string =>
    `${stem}${extensionOf(fileName)}`;

  return {
    paths: ({ stem, fileName }) => [
      `SegmentationClass/${stem}.png`,
      `SegmentationObject/${stem}.png`,
      ...(copyImages ? [`JPEGImages/${imageName({ stem, fileName })}`] : []),
    ],
    async files(image, losses) {
      const { stem } = image;
      const { width, height } = image.image;
      if (imageName(image) !== image.fileName)
        losses.add('file-renamed', `${image.fileName} → ${imageName(image)}`);
      const { classes, objects, order } = paint(image, numbers);
      for (const annotation of image.annotations)
        if (!numbers.has(annotation.categoryId)) losses.add('class-unknown', set.nameOf(image, annotation));
      const visible = tell(set, image, order, objects, losses);
      const wideClasses = names.length - 1 > most;
      const wideObjects = order.length > most;
      if (wideClasses) losses.add('many-classes', image.fileName);
      if (wideObjects) losses.add('many-objects', image.fileName);
      const png = (values: Uint16Array, wide: boolean): Buffer =>
        wide
          ? writePng({ width, height, values })
          : writePng({ width, height, values: Uint8Array.from(values), palette });
      const files: OutFile[] = [
        { path: `SegmentationClass/${stem}.png`, data: png(classes, wideClasses) },
        { path: `SegmentationObject/${stem}.png`, data: png(objects, wideObjects) },
      ];
      if (copyImages)
        files.push({ path: `JPEGImages/${imageName(image)}`, copyOf: set.store.imagePath(image.image.id) });
      return { files, annotations: visible };
    },
    about(images, losses) {
      for (const example of renamed) losses.add('class-renamed', example);
      for (const example of merged) losses.add('class-merged', example);
      return [
        { path: 'labelmap.txt', data: labelMapText(names) },
        { path: 'ImageSets/Segmentation/default.txt', data: images.map(({ stem }) => `${stem}\n`).join('') },
      ];
    },
    isAsImported: () => false,
    readBack(image) {
      const { objects, order } = paint(image, numbers);
      const size = { width: image.image.width, height: image.image.height };
      const byId = new Map(
        order.map((annotation, index) => {
          const data = new Uint8Array(objects.length);
          for (let i = 0; i < data.length; i++) if (objects[i] === index + 1) data[i] = 1;
          return [annotation.id, encodeMask({ ...size, data })] as const;
        }),
      );
      return image.annotations.map(({ id }): Rle => byId.get(id) ?? emptyRle([size.height, size.width]));
    },
  };
}

interface Painted {
  classes: Uint16Array;
  objects: Uint16Array;
  /** Annotations from bottom to top; their number is the place in the list, from 1. */
  order: ExportImage['annotations'];
}

function paint(image: ExportImage, numbers: ReadonlyMap<number, number>): Painted {
  const { width, height } = image.image;
  const classes = new Uint16Array(width * height);
  const objects = new Uint16Array(width * height);
  // A class that was made meanwhile has no number.
  const known = image.annotations.filter(({ categoryId }) => numbers.has(categoryId));
  const order = [...known.filter(({ iscrowd }) => iscrowd), ...known.filter(({ iscrowd }) => !iscrowd)];
  for (const [index, annotation] of order.entries()) {
    const { data } = decodeMask(annotation.mask);
    const number = numbers.get(annotation.categoryId) ?? 0;
    for (let i = 0; i < data.length; i++) {
      if (data[i] === 0) continue;
      classes[i] = number;
      objects[i] = index + 1;
    }
  }
  return { classes, objects, order };
}

/** Tells what index masks cannot say: overlaps, crowds, attributes. Gives the annotations that have pixels in them. */
function tell(
  set: ExportSet,
  image: ExportImage,
  order: ExportImage['annotations'],
  objects: Uint16Array,
  losses: Losses,
): ExportImage['annotations'] {
  const visible = new Uint32Array(order.length + 1);
  for (const value of objects) visible[value]! += 1;
  for (const [index, annotation] of order.entries()) {
    const name = set.nameOf(image, annotation);
    const { data } = decodeMask(annotation.mask);
    const area = data.reduce((sum, value) => sum + value, 0);
    const left = visible[index + 1] ?? 0;
    if (left === 0) losses.add('covered', name);
    else if (left < area) losses.add('overlap', `${name}: ${area - left} of ${area} pixels`);
    if (annotation.iscrowd) losses.add('crowd-flag', name);
    if (hasMore(annotation)) losses.add('attributes', name);
  }
  return order.filter((_, index) => (visible[index + 1] ?? 0) > 0);
}
