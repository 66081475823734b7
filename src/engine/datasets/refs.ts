import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { type PickleValue, parsePickle } from '@shared/formats/pickle';
import { plainOf } from '@shared/formats/pickle-plain';
import { z } from 'zod';
import { categoryNames, finderFor, maskOf, type ReadOptions, readCocoFile } from './coco';
import { firstIssue, parseJson, readText } from './json-file';
import { type DatasetTarget, type Skipped, targetOf } from './target';

/** One entry of a RefCOCO refs file. Extra keys are allowed. */
const refSchema = z.object({
  ref_id: z.number().int(),
  ann_id: z.number().int(),
  image_id: z.number().int(),
  split: z.string().optional(),
  sentences: z.array(z.object({ sent: z.string(), sent_id: z.number().int() })).min(1),
});
export type Ref = z.infer<typeof refSchema>;

export interface RefsOptions extends ReadOptions {
  /** `first`: one row a ref (the default), as Seg-Zero counts; `all`: every sentence, as LISA does. */
  sentences?: 'first' | 'all';
  /** Only refs of this split, such as "val"; see {@link isInSplit}. */
  split?: string | null;
}

/** Values that one ref may hold, lists within lists included. */
const valuesOfRef = 100_000;

/**
 * The refs of a file, `refs(unc).p` as it was published (pickle) or converted to JSON, each checked by itself. Throws
 * NOT_FOUND or FORMAT_UNREADABLE.
 */
export async function readRefsFile(file: string): Promise<{ refs: Ref[]; skipped: Skipped[] }> {
  const refs: Ref[] = [];
  const skipped: Skipped[] = [];
  for (const [index, entry] of (await readEntries(file)).entries()) {
    const skip = (reason: string): void => {
      skipped.push({ item: `ref at place ${index + 1}`, reason });
    };
    try {
      const parsed = refSchema.safeParse(entry());
      if (parsed.success) refs.push(parsed.data);
      else skip(firstIssue(parsed.error));
    } catch (error) {
      skip(messageOf(error));
    }
  }
  return { refs, skipped };
}

async function readEntries(file: string): Promise<(() => unknown)[]> {
  const what = 'a list of refs as in RefCOCO, as pickle or JSON';
  if (!file.endsWith('.p') && !file.endsWith('.pkl') && !file.endsWith('.pickle')) {
    const list = parseJson(await readText(file), file, z.array(z.unknown()), what);
    return list.map((entry) => () => entry);
  }
  const bytes = await readFile(file).catch((error: unknown) => {
    throw new MaskwrightError('NOT_FOUND', `The file ${file} cannot be read: ${messageOf(error)}`, {
      hint: 'Check the path.',
    });
  });
  let list: PickleValue;
  try {
    list = parsePickle(bytes);
    if (!Array.isArray(list)) throw new Error('it holds no list');
  } catch (error) {
    throw new MaskwrightError('FORMAT_UNREADABLE', `${file} cannot be read: ${messageOf(error)}`, {
      hint: `Choose ${what}.`,
      cause: error,
    });
  }
  return list.map((entry) => () => plainOf(entry, valuesOfRef));
}

/**
 * Whether a ref belongs to a split, by the rules of the REFER API: `testA`, `testB` and `testC` take every split with
 * that letter (`testAB` too), `test` takes every split with "test" in it.
 */
export function isInSplit(split: string | undefined, wanted: string): boolean {
  if (split === undefined) return false;
  if (/^test[ABC]$/.test(wanted)) return split.startsWith('test') && split.includes(wanted.slice(-1));
  return wanted === 'test' ? split.includes('test') : split === wanted;
}

/** The splits of refs, in their usual order, with `test` for all of testA, testB … together. */
export function splitsOf(refs: readonly Ref[]): string[] {
  const found = new Set(refs.flatMap(({ split }) => split ?? []));
  if ([...found].some((split) => split.includes('test'))) found.add('test');
  const usual = ['train', 'val', 'test', 'testA', 'testB', 'testC'];
  const others = [...found].filter((split) => !usual.includes(split)).sort();
  return [...usual.filter((split) => found.has(split)), ...others];
}

/**
 * Targets of a refs file in RefCOCO's layout. Masks, image sizes and the file names on disk come from the COCO
 * instances file: the `file_name` of a ref is the name it had in train2014 and exists nowhere.
 * Throws NOT_FOUND or FORMAT_UNREADABLE; refs without image or annotation are told to `onSkip`.
 */
export async function* readRefs(
  refsFile: string,
  instancesFile: string,
  options: RefsOptions = {},
): AsyncGenerator<DatasetTarget, void> {
  yield* refTargets(await readRefsFile(refsFile), instancesFile, options);
}

/** The targets of refs that were read already, as {@link readRefs} gives them. */
export async function* refTargets(
  { refs, skipped }: { refs: readonly Ref[]; skipped: readonly Skipped[] },
  instancesFile: string,
  options: RefsOptions,
): AsyncGenerator<DatasetTarget, void> {
  for (const entry of skipped) options.onSkip?.(entry);
  const dataset = await readCocoFile(instancesFile);
  for (const entry of dataset.skipped) options.onSkip?.(entry);
  const finder = finderFor(instancesFile, options.images);
  const names = categoryNames(dataset.categories);
  const images = new Map(dataset.images.map((image) => [String(image.id), image]));
  const wanted = options.split ?? null;
  for (const ref of refs) {
    if (wanted !== null && !isInSplit(ref.split, wanted)) continue;
    const item = `ref ${ref.ref_id}`;
    const image = images.get(String(ref.image_id));
    const annotation = dataset.annotations
      .get(String(ref.image_id))
      ?.find((candidate) => Number(candidate.id) === ref.ann_id);
    if (image === undefined || annotation === undefined) {
      const reason =
        image === undefined ? `there is no image ${ref.image_id}` : `there is no annotation ${ref.ann_id}`;
      options.onSkip?.({ item, reason });
      continue;
    }
    const mask = maskOf(annotation, image, ({ reason }) => options.onSkip?.({ item, reason }));
    if (mask === null) continue;
    const imagePath = (await finder.find(image.file_name)) ?? (await finder.find(newName(image.file_name)));
    const sentences = options.sentences === 'all' ? ref.sentences : ref.sentences.slice(0, 1);
    for (const sentence of sentences) {
      yield targetOf({
        key: options.sentences === 'all' ? `ref-${ref.ref_id}-${sentence.sent_id}` : `ref-${ref.ref_id}`,
        fileName: image.file_name,
        imagePath,
        imageId: String(image.id),
        query: sentence.sent,
        groundTruth: mask,
        category: names.get(annotation.category_id) ?? null,
        refId: ref.ref_id,
        entry: `ref-${ref.ref_id}`,
        annotationIds: [ref.ann_id],
        split: ref.split ?? null,
      });
    }
  }
}

/** COCO's name of an image since 2017, which has no `COCO_train2014_`. */
function newName(fileName: string): string {
  return basename(fileName).replace(/^COCO_(train|val)2014_/, '');
}
