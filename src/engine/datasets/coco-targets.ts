import { readdir, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { isEmptyRle, mergeRles, type Rle, subtractRle } from '@shared/mask/rle';
import { categoryNames, finderFor, readCocoFile } from './coco';
import type { CocoAnnotation, CocoImage } from './coco-format';
import type { DatasetOptions, DatasetSource, TargetsOptions } from './dataset';
import { grouped } from './grouped';
import { segmentationToRle } from './segmentation';
import { type DatasetTarget, imageNotFound, targetOf } from './target';

interface CocoPart {
  split: string | null;
  file: string;
  images: string | null;
}

/**
 * COCO instances: a JSON file, or a folder with `annotations/instances_NAME.json` and images in `NAME`, where the names
 * are the splits.
 */
export async function openCocoTargets(path: string, options: DatasetOptions): Promise<DatasetSource> {
  const parts = await partsOf(resolve(path), options.images ?? null);
  return {
    name: `COCO ${basename(resolve(path))}`,
    splits: parts.flatMap(({ split }) => split ?? []),
    async *read(split, given) {
      for (const part of parts) {
        if (split === null || part.split === split) yield* readPart(part, given);
      }
    },
  };
}

async function partsOf(path: string, images: string | null): Promise<CocoPart[]> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile()) return [{ split: null, file: path, images }];
  const inFolder = join(path, 'annotations');
  const names = await readdir(inFolder).catch(() => []);
  const parts = names.sort().flatMap((name): CocoPart[] => {
    const split = /^instances_(.+)\.json$/.exec(name)?.[1];
    if (split === undefined) return [];
    return [{ split, file: join(inFolder, name), images: images ?? join(path, split) }];
  });
  if (parts.length > 0) return parts;
  const single = join(path, 'instances.json');
  if (await stat(single).catch(() => null)) return [{ split: null, file: single, images: images ?? path }];
  throw new MaskwrightError('NOT_FOUND', `There is no COCO file in ${path}.`, {
    hint: 'Name the JSON file, or a folder with annotations/instances_….json or instances.json.',
  });
}

/** One target for every category of an image: all its instances together; regions of crowds do not count. */
async function* readPart(
  { split, file, images }: CocoPart,
  { onSkip }: TargetsOptions,
): AsyncGenerator<DatasetTarget, void> {
  const dataset = await readCocoFile(file);
  for (const skipped of dataset.skipped) onSkip?.(skipped);
  const finder = finderFor(file, images);
  const names = categoryNames(dataset.categories);
  const prefix = split === null ? '' : `${split}/`;
  for (const image of dataset.images) {
    const imagePath = await finder.find(image.file_name);
    const ofImage = dataset.annotations.get(String(image.id)) ?? [];
    for (const [categoryId, annotations] of grouped(ofImage, ({ category_id: id }) => id)) {
      const key = `${prefix}${image.id}/${categoryId}`;
      const category = names.get(categoryId) ?? String(categoryId);
      const instances = annotations.filter((annotation) => !isCrowd(annotation));
      // Nobody has told a crowd's things apart, so it is nothing that could be found.
      if (instances.length === 0) continue;
      if (imagePath === null) {
        onSkip?.({ item: key, reason: imageNotFound(image.file_name) });
        continue;
      }
      try {
        const masks = instances.map((annotation) => maskFor(annotation, image));
        const groundTruth = mergeRles(masks, 'union');
        if (isEmptyRle(groundTruth)) throw new Error('its masks have no pixel');
        const crowds = annotations.filter(isCrowd).map((annotation) => maskFor(annotation, image));
        yield targetOf({
          key,
          fileName: image.file_name,
          imagePath,
          imageId: String(image.id),
          query: category,
          groundTruth,
          ignore: crowds.length === 0 ? null : subtractRle(mergeRles(crowds, 'union'), groundTruth),
          category,
          annotationIds: instances.map(({ id }) => Number(id)).filter(Number.isSafeInteger),
          split,
          ...(masks.length > 1 ? { parts: masks } : {}),
        });
      } catch (error) {
        onSkip?.({ item: `${key} (${category})`, reason: messageOf(error) });
      }
    }
  }
}

const isCrowd = ({ iscrowd }: CocoAnnotation): boolean => iscrowd === true || iscrowd === 1;

function maskFor(annotation: CocoAnnotation, image: CocoImage): Rle {
  try {
    return segmentationToRle(annotation.segmentation, image);
  } catch (error) {
    throw new Error(`annotation ${annotation.id ?? '?'}: ${messageOf(error)}`);
  }
}
