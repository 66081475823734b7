import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { encodeMask, isEmptyRle, type Rle } from '@shared/mask/rle';
import { readPng } from '../images/png';
import type { DatasetOptions, DatasetSource, TargetsOptions } from './dataset';
import { requireFolder } from './folder';
import { ImageFinder } from './image-finder';
import { readText } from './json-file';
import { parseQueries } from './queries';
import { type DatasetTarget, targetOf } from './target';

const usualNames = ['queries.json', 'queries.jsonl', 'queries.csv', 'queries.tsv', 'queries.txt'];

/** A folder of images with a file of queries (see queries.ts), and masks where the file names them. */
export async function openFolderTargets(path: string, options: DatasetOptions): Promise<DatasetSource> {
  const folder = await requireFolder(path);
  const queries = options.queries ?? (await usualQueries(folder));
  return {
    name: `folder ${basename(folder)}`,
    splits: [],
    read: (_, given) => readQueriesOf(queries, options.images ?? folder, given),
  };
}

async function usualQueries(folder: string): Promise<string> {
  const names = new Set(await readdir(folder));
  const found = usualNames.find((name) => names.has(name));
  if (found !== undefined) return join(folder, found);
  throw new MaskwrightError('NOT_FOUND', `There is no file of queries in ${folder}.`, {
    hint: 'Name one with --queries, or put queries.json, .jsonl, .csv, .tsv or .txt there.',
  });
}

async function* readQueriesOf(
  file: string,
  images: string,
  { onSkip }: TargetsOptions,
): AsyncGenerator<DatasetTarget, void> {
  const lines = parseQueries(await readText(file), (item, reason) => onSkip?.({ item, reason }));
  const imageFinder = new ImageFinder(images);
  const maskFinder = new ImageFinder(dirname(file));
  for (const [index, line] of lines.entries()) {
    const key = `query-${index + 1}`;
    try {
      const mask = line.mask === null ? null : await readMask(maskFinder, line.mask);
      const noTarget = line.noTarget || (mask !== null && isEmptyRle(mask));
      yield targetOf({
        key,
        fileName: line.image,
        imagePath: await imageFinder.find(line.image),
        imageId: line.imageId,
        query: line.query,
        groundTruth: noTarget ? null : mask,
        noTarget,
        category: line.className,
      });
    } catch (error) {
      onSkip?.({ item: `${key} (${line.image})`, reason: messageOf(error) });
    }
  }
}

async function readMask(finder: ImageFinder, name: string): Promise<Rle> {
  const file = await finder.find(name);
  if (file === null) throw new Error(`the mask ${name} was not found`);
  const { width, height, values, rgb } = readPng(await readFile(file));
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i += 1) {
    const isSet = values
      ? values[i]
      : (rgb?.[3 * i] ?? 0) | (rgb?.[3 * i + 1] ?? 0) | (rgb?.[3 * i + 2] ?? 0);
    data[i] = isSet ? 1 : 0;
  }
  return encodeMask({ width, height, data });
}
