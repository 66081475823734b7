import { z } from 'zod';
import { id, nothing } from './common';
import { historyStateSchema } from './history';

/** The images of a project. */

export const imageStateSchema = z.enum(['todo', 'review', 'done']);
/** `review`: has an agent's result that nobody accepted yet. `done`: has an accepted annotation or is marked done. */
export type ImageState = z.infer<typeof imageStateSchema>;

export const imageSummarySchema = z.object({
  id,
  name: z.string(),
  /** Pixels, after EXIF orientation. */
  width: z.number().int(),
  height: z.number().int(),
  state: imageStateSchema,
  annotations: z.number().int(),
  /** Recorded trajectories that can be replayed. */
  trajectories: z.number().int(),
});
export type ImageSummary = z.infer<typeof imageSummarySchema>;

export const imageMethods = {
  'images.list': {
    input: z.strictObject({
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(1000),
      state: imageStateSchema.nullable(),
      search: z.string(),
    }),
    output: z.object({ total: z.number().int(), items: z.array(imageSummarySchema) }),
  },
  'images.read': {
    input: z.strictObject({ imageId: id, variant: z.enum(['full', 'thumbnail']) }),
    output: z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) }),
  },
  /** Makes the embedding of an image ahead of need; resolves when it is ready or given up. */
  'images.prefetch': {
    input: z.strictObject({ imageId: id, priority: z.enum(['foreground', 'prefetch']) }),
    output: nothing,
  },
  'images.setState': {
    input: z.strictObject({ imageId: id, state: imageStateSchema }),
    output: historyStateSchema,
  },
} as const;
