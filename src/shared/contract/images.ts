import { z } from 'zod';
import { authorSchema } from '../trajectory/schema';
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
  /** A person's remark; empty when there is none. */
  note: z.string(),
  flagged: z.boolean(),
  /** Why the file cannot be read, as found when it was last tried; null when it can. */
  problem: z.string().nullable(),
});
export type ImageSummary = z.infer<typeof imageSummarySchema>;

export const noteSchema = z.string().max(4000);

/** `state`: to do, in review, done. `masks`: their number. `changed`: when its masks or its state last changed. */
export const imageSortSchema = z.enum(['name', 'added', 'size', 'masks', 'changed', 'state']);
export type ImageSort = z.infer<typeof imageSortSchema>;

const categoryIds = z.array(z.number().int()).max(100).default([]);

/** Which images a list holds and in which order. Conditions that are null or empty let all pass. */
export const imageQuerySchema = z.strictObject({
  state: imageStateSchema.nullable().default(null),
  /** A part of the name, case ignored. */
  search: z.string().max(500).default(''),
  flagged: z.boolean().nullable().default(null),
  noted: z.boolean().nullable().default(null),
  /** Whether its file could not be read. */
  unreadable: z.boolean().nullable().default(null),
  /** Has a mask of each of these classes. */
  withCategories: categoryIds,
  /** Has no mask of any of these classes. */
  withoutCategories: categoryIds,
  minMasks: z.number().int().min(0).nullable().default(null),
  maxMasks: z.number().int().min(0).nullable().default(null),
  /** Has a mask by this author. */
  author: authorSchema.nullable().default(null),
  sort: imageSortSchema.default('name'),
  descending: z.boolean().default(false),
});
export type ImageQuery = z.output<typeof imageQuerySchema>;

const placeSchema = z.object({
  /** Where the image is, counted from 0; when it is not listed, where it would be. */
  index: z.number().int(),
  listed: z.boolean(),
  total: z.number().int(),
});

export const imageMethods = {
  'images.list': {
    input: imageQuerySchema.extend({
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(1000),
    }),
    output: z.object({ total: z.number().int(), items: z.array(imageSummarySchema) }),
  },
  /** What somebody prepared to be asked of an image; the sample's drawn scenes have such queries. */
  'images.suggestions': { input: z.strictObject({ imageId: id }), output: z.array(z.string()) },
  'images.get': { input: z.strictObject({ imageId: id }), output: imageSummarySchema },
  /** Where an image is in a list, without reading the list. */
  'images.position': { input: imageQuerySchema.extend({ imageId: id }), output: placeSchema },
  /**
   * The first image that is not done after a place in a list, then from the start; null when there is none.
   * `imageId` is left out of the search.
   */
  'images.nextOpen': {
    input: imageQuerySchema.extend({ imageId: id.nullable(), after: z.number().int().min(-1) }),
    output: z.object({ image: imageSummarySchema, index: z.number().int() }).nullable(),
  },
  'images.read': {
    input: z.strictObject({ imageId: id, variant: z.enum(['full', 'thumbnail']) }),
    output: z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) }),
  },
  /**
   * The images in sight now in one window, which names itself: thumbnails that no window has in sight and that still
   * wait to be made are given up.
   */
  'images.look': { input: z.strictObject({ window: id, imageIds: z.array(id).max(2000) }), output: nothing },
  /** Reads the file again and notes whether it can be read, for one that was repaired or put back. */
  'images.retry': { input: z.strictObject({ imageId: id }), output: imageSummarySchema },
  /** Makes the embedding of an image ahead of need; resolves when it is ready or given up. */
  'images.prefetch': {
    input: z.strictObject({ imageId: id, priority: z.enum(['foreground', 'prefetch']) }),
    output: nothing,
  },
  'images.setState': {
    input: z.strictObject({ imageId: id, state: imageStateSchema }),
    output: historyStateSchema,
  },
  /** Changes note or flag; what is left out stays. Undoable. */
  'images.update': {
    input: z.strictObject({ imageId: id, note: noteSchema.optional(), flagged: z.boolean().optional() }),
    output: historyStateSchema,
  },
} as const;
