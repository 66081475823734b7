import { z } from 'zod';
import { categoryNames, finderFor, maskOf, type ReadOptions, readCocoFile } from './coco';
import { firstIssue, readJson } from './json-file';
import { type DatasetTarget, targetOf } from './target';

/** One entry of a RefCOCO refs file, converted from pickle to JSON. Extra keys are allowed. */
export const refSchema = z.looseObject({
  ref_id: z.number().int(),
  ann_id: z.number().int(),
  image_id: z.number().int(),
  file_name: z.string().optional(),
  split: z.string().optional(),
  category_id: z.number().int().optional(),
  sentences: z.array(z.looseObject({ sent: z.string(), sent_id: z.number().int() })).min(1),
});
export type Ref = z.infer<typeof refSchema>;

export interface ReadRefsOptions extends ReadOptions {
  /** `first`: one row a ref (the default); `all`: every sentence. */
  sentences?: 'first' | 'all';
  /** Only refs of this split, such as "val". */
  split?: string | null;
}

/**
 * Targets of a refs file in RefCOCO's layout. Masks, image sizes and the file names on disk come from the COCO
 * instances file: the `file_name` of a ref is the name it had in train2014 and exists nowhere.
 * Throws NOT_FOUND or FORMAT_UNREADABLE; refs without image or annotation are told to `onSkip`.
 */
export async function* readRefs(
  refsFile: string,
  instancesFile: string,
  options: ReadRefsOptions = {},
): AsyncGenerator<DatasetTarget, void> {
  const entries = await readJson(refsFile, z.array(z.unknown()), 'a list of refs as in RefCOCO, as JSON');
  const dataset = await readCocoFile(instancesFile);
  for (const skipped of dataset.skipped) options.onSkip?.(skipped);
  const finder = finderFor(instancesFile, options.images);
  const names = categoryNames(dataset.categories);
  const images = new Map(dataset.images.map((image) => [String(image.id), image]));
  for (const [index, entry] of entries.entries()) {
    const parsed = refSchema.safeParse(entry);
    if (!parsed.success) {
      options.onSkip?.({ item: `ref at place ${index + 1}`, reason: firstIssue(parsed.error) });
      continue;
    }
    const ref = parsed.data;
    if (options.split !== undefined && options.split !== null && ref.split !== options.split) continue;
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
    const mask = maskOf(annotation, image, (skipped) => options.onSkip?.({ item, reason: skipped.reason }));
    if (mask === null) continue;
    const imagePath = await finder.find(image.file_name);
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
        annotationIds: [ref.ann_id],
        split: ref.split ?? null,
      });
    }
  }
}
