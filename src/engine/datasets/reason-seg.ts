import { readdir, readFile } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { decodeLegacyText } from '@shared/formats/legacy-text';
import { drawReasonSeg, reasonSegSchema } from '@shared/formats/reason-seg';
import { bitmapArea } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { readImageSize } from '../images/image-file';
import { isImagePath } from '../project/paths';
import type { DatasetOptions, DatasetSource, TargetsOptions } from './dataset';
import { requireFolder } from './folder';
import { firstIssue } from './json-file';
import { type DatasetTarget, targetOf } from './target';

const splitNames = ['train', 'val', 'test'];

interface Split {
  name: string | null;
  folder: string;
}

/**
 * ReasonSeg: a folder with `train`, `val` and `test`, or one of these, each with a JSON file beside every image. Groups
 * are `short` and `long`, by `is_sentence`; the query is the first text, as LISA evaluates, or each of them.
 */
export async function openReasonSeg(path: string, options: DatasetOptions): Promise<DatasetSource> {
  const folder = await requireFolder(path);
  const splits = await splitsOf(folder);
  const each = options.sentences === 'all';
  return {
    name: `ReasonSeg ${basename(resolve(folder))}`,
    splits: splits.flatMap(({ name }) => name ?? []),
    async *read(split, given) {
      for (const one of splits) {
        if (split === null || one.name === split) yield* readSplit(one, options.images ?? null, each, given);
      }
    },
  };
}

async function splitsOf(folder: string): Promise<Split[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const folders = splitNames.filter((name) =>
    entries.some((entry) => entry.name === name && !entry.isFile()),
  );
  if (folders.length > 0) return folders.map((name) => ({ name, folder: join(folder, name) }));
  if (entries.some(({ name }) => extname(name) === '.json')) {
    const name = basename(folder);
    return [{ name: splitNames.includes(name) ? name : null, folder }];
  }
  throw new MaskwrightError('NOT_FOUND', `There is no ReasonSeg in ${folder}.`, {
    hint: 'It needs folders train, val or test with a JSON file beside every image.',
  });
}

async function* readSplit(
  { name: split, folder }: Split,
  imageFolder: string | null,
  each: boolean,
  { onSkip }: TargetsOptions,
): AsyncGenerator<DatasetTarget, void> {
  const names = (await readdir(folder)).sort();
  const stem = (name: string): string => name.slice(0, name.length - extname(name).length);
  const images = new Map<string, string>();
  for (const name of imageFolder === null ? names : (await readdir(imageFolder)).sort())
    if (isImagePath(name)) images.set(stem(name), name);
  const annotated = new Set<string>();
  for (const name of names) {
    if (extname(name) !== '.json') continue;
    const item = split === null ? stem(name) : `${split}/${stem(name)}`;
    annotated.add(stem(name));
    const image = images.get(stem(name));
    if (image === undefined) {
      onSkip?.({ item, reason: 'its image was not found' });
      continue;
    }
    try {
      const imagePath = join(imageFolder ?? folder, image);
      yield* targetsOf(item, join(folder, name), imagePath, split, each);
    } catch (error) {
      onSkip?.({ item, reason: messageOf(error) });
    }
  }
  if (imageFolder !== null) return;
  for (const [image, name] of images) {
    if (annotated.has(image)) continue;
    onSkip?.({ item: split === null ? name : `${split}/${name}`, reason: 'there is no JSON file for it' });
  }
}

async function* targetsOf(
  key: string,
  file: string,
  imagePath: string,
  split: string | null,
  each: boolean,
): AsyncGenerator<DatasetTarget, void> {
  const parsed = reasonSegSchema.safeParse(JSON.parse(decodeLegacyText(await readFile(file))));
  if (!parsed.success) throw new Error(firstIssue(parsed.error));
  const { text, is_sentence: isSentence, shapes } = parsed.data;
  const { target, ignore } = drawReasonSeg(shapes, await readImageSize(imagePath));
  const noTarget = bitmapArea(target) === 0;
  const groundTruth = noTarget ? null : encodeMask(target);
  const ignored = bitmapArea(ignore) === 0 ? null : encodeMask(ignore);
  for (const [index, query] of (each ? text : text.slice(0, 1)).entries()) {
    yield targetOf({
      key: each ? `${key}#${index + 1}` : key,
      entry: key,
      fileName: basename(imagePath),
      imagePath,
      query,
      groundTruth,
      ignore: ignored,
      noTarget,
      split,
      groups: [isSentence ? 'long' : 'short'],
    });
  }
}
