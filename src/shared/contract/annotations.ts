import { z } from 'zod';
import { attributeValuesSchema } from '../attributes';
import { rleSchema } from '../mask/rle';
import { authorSchema } from '../trajectory/schema';
import { classFields, id, namesOneClass, nothing, oneClass } from './common';
import { historyStateSchema } from './history';

/** Masks with a category on an image. */

export const annotationSchema = z.object({
  id: z.number().int(),
  imageId: id,
  categoryId: z.number().int(),
  mask: rleSchema,
  /** COCO bbox [x, y, width, height] in image pixels; as imported until the mask is edited. */
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
  area: z.number(),
  iscrowd: z.boolean(),
  author: authorSchema,
  /** Predicted IoU of the segmenter, where there was one. */
  score: z.number().nullable(),
  query: z.string().nullable(),
  trajectoryId: z.string().nullable(),
  /** Answers to what its class asks, by the attribute's name. */
  attributes: attributeValuesSchema,
  /** Order on the image: a higher one lies above. Lists of annotations go from bottom to top. */
  z: z.number().int(),
  /** Its mask cannot be changed or deleted until it is unlocked. */
  locked: z.boolean(),
  /** Not shown on the canvas. A way of looking: exports do not care, and it is no part of undo. */
  hidden: z.boolean(),
});
export type Annotation = z.infer<typeof annotationSchema>;

const annotationId = z.number().int();
const annotationIds = z.array(annotationId).min(1).max(100_000);
const annotationChange = z.object({ annotation: annotationSchema, history: historyStateSchema });

/** What a person did to masks; the history has a label for each. */
export const maskEditKindSchema = z.enum([
  'paint',
  'erase',
  'polygon',
  'fill',
  'smooth',
  'grow',
  'shrink',
  'largest',
  'split',
  'subtract',
  'join',
  'cut',
  'copy',
]);
export type MaskEditKind = z.infer<typeof maskEditKindSchema>;

export const maskEditSchema = z.strictObject({
  kind: maskEditKindSchema,
  updates: z.array(z.strictObject({ annotationId, mask: rleSchema })).max(10_000),
  creates: z
    .array(
      z
        .strictObject({
          imageId: id,
          mask: rleSchema,
          ...classFields,
          query: z.string().nullable(),
          /** Class, query, attributes, crowd and trajectory are those of this annotation. */
          like: annotationId.nullable(),
        })
        .refine(namesOneClass, oneClass),
    )
    .max(10_000),
  deletes: z.array(annotationId).max(10_000),
});
export type MaskEdit = z.infer<typeof maskEditSchema>;

export const annotationMethods = {
  'annotations.list': { input: z.strictObject({ imageId: id }), output: z.array(annotationSchema) },
  /** A mask drawn by hand (polygon). Committed to disk before it answers. */
  'annotations.create': {
    input: z
      .strictObject({
        imageId: id,
        ...classFields,
        mask: rleSchema,
        query: z.string().nullable(),
        /** Defaults of the class are added to these. */
        attributes: attributeValuesSchema.default({}),
      })
      .refine(namesOneClass, oneClass),
    output: annotationChange,
  },
  /** What is left out stays. CONFLICT for the mask of a locked one. */
  'annotations.update': {
    input: z.strictObject({
      annotationId,
      mask: rleSchema.optional(),
      categoryId: z.number().int().optional(),
      attributes: attributeValuesSchema.optional(),
      locked: z.boolean().optional(),
    }),
    output: annotationChange,
  },
  /** The same change to several, as one step of undo. */
  'annotations.updateMany': {
    input: z.strictObject({
      annotationIds,
      ...classFields,
      locked: z.boolean().optional(),
    }),
    output: historyStateSchema,
  },
  /** CONFLICT when it is locked. */
  'annotations.delete': { input: z.strictObject({ annotationId }), output: historyStateSchema },
  /** Several as one step of undo; nothing is deleted when one is locked (CONFLICT). */
  'annotations.deleteMany': { input: z.strictObject({ annotationIds }), output: historyStateSchema },
  /** All annotations of an image, from bottom to top. */
  'annotations.reorder': {
    input: z.strictObject({ imageId: id, annotationIds }),
    output: historyStateSchema,
  },
  /** Hides exactly these annotations of an image and shows the others. */
  'annotations.setHidden': {
    input: z.strictObject({ imageId: id, annotationIds: z.array(annotationId).max(100_000) }),
    output: nothing,
  },
  /** Masks changed, made and deleted by hand, as one step of undo. CONFLICT when one of them is locked. */
  'annotations.edit': {
    input: maskEditSchema,
    output: z.object({
      created: z.array(annotationSchema),
      updated: z.array(annotationSchema),
      history: historyStateSchema,
    }),
  },
} as const;
