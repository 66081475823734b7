import { z } from 'zod';
import { rleSchema } from '../mask/rle';
import { authorSchema } from '../trajectory/schema';
import { id } from './common';
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
});
export type Annotation = z.infer<typeof annotationSchema>;

const annotationChange = z.object({ annotation: annotationSchema, history: historyStateSchema });

export const annotationMethods = {
  'annotations.list': { input: z.strictObject({ imageId: id }), output: z.array(annotationSchema) },
  /** A mask drawn by hand (polygon). Committed to disk before it answers. */
  'annotations.create': {
    input: z.strictObject({
      imageId: id,
      categoryId: z.number().int(),
      mask: rleSchema,
      query: z.string().nullable(),
    }),
    output: annotationChange,
  },
  'annotations.update': {
    input: z.strictObject({
      annotationId: z.number().int(),
      mask: rleSchema.optional(),
      categoryId: z.number().int().optional(),
    }),
    output: annotationChange,
  },
  'annotations.delete': {
    input: z.strictObject({ annotationId: z.number().int() }),
    output: historyStateSchema,
  },
} as const;
