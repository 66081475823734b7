import { z } from 'zod';
import { authorSchema } from '../trajectory/schema';
import { id, nothing } from './common';
import { historyStateSchema } from './history';

/** The review queue: results of an agent that nobody settled yet. */

/** How the agent ended: with masks, without a target, or out of turns. */
export const reviewResultSchema = z.enum(['finished', 'no_target', 'truncated']);
export type ReviewResult = z.infer<typeof reviewResultSchema>;

/** `queue`: in the order of their making. */
export const reviewSortSchema = z.enum(['queue', 'score', 'disagreement']);
export type ReviewSort = z.infer<typeof reviewSortSchema>;

const share = z.number().min(0).max(1);

/** Which entries a queue holds and in which order. Conditions that are null let all pass; without a value sorts last. */
export const reviewQuerySchema = z.strictObject({
  result: reviewResultSchema.nullable().default(null),
  /** Name of the class; empty: entries without one. */
  className: z.string().max(500).nullable().default(null),
  runId: id.nullable().default(null),
  author: authorSchema.nullable().default(null),
  imageId: id.nullable().default(null),
  minScore: share.nullable().default(null),
  maxScore: share.nullable().default(null),
  minDisagreement: share.nullable().default(null),
  sort: reviewSortSchema.default('queue'),
  descending: z.boolean().default(false),
});
export type ReviewQuery = z.output<typeof reviewQuerySchema>;

export const reviewEntrySchema = z.object({
  /** Id of its trajectory. */
  id,
  imageId: id,
  imageName: z.string(),
  query: z.string(),
  className: z.string().nullable(),
  result: reviewResultSchema,
  author: authorSchema,
  runId: id.nullable(),
  turns: z.number().int(),
  /** Lowest predicted IoU of its masks; null without one. */
  score: z.number().nullable(),
  disagreement: z.number().nullable(),
  masks: z.number().int(),
  /** COCO bbox of all its masks in pixels of the image; null without a mask. */
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable(),
  /** An annotation of its class (or of any, where it has none) with nearly the same pixels: IoU above 0.9. */
  duplicateOf: z.number().int().nullable(),
  /** False once it is accepted or rejected. */
  waiting: z.boolean(),
});
export type ReviewEntry = z.infer<typeof reviewEntrySchema>;

const counted = z.object({ name: z.string(), count: z.number().int() });

const settled = z.object({
  count: z.number().int(),
  /** Entries left as they are, with the reason. */
  left: z.array(z.object({ id, reason: z.string() })),
  history: historyStateSchema,
});

const entryIds = z.array(id).min(1).max(100_000);

export const reviewMethods = {
  'review.list': {
    input: reviewQuerySchema.extend({
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(200),
    }),
    /** `waiting`: all entries of the project, whatever the query. */
    output: z.object({
      total: z.number().int(),
      waiting: z.number().int(),
      items: z.array(reviewEntrySchema),
    }),
  },
  'review.entry': { input: z.strictObject({ id }), output: reviewEntrySchema },
  /** What there is to filter by, with the number of waiting entries. */
  'review.facets': {
    input: nothing,
    output: z.object({
      classes: z.array(counted),
      runs: z.array(z.object({ id, label: z.string(), count: z.number().int() })),
      authors: z.array(z.object({ author: authorSchema, count: z.number().int() })),
    }),
  },
  /** The image around the entry's masks, with their outline, at most `size` pixels a side. */
  'review.thumbnail': {
    input: z.strictObject({ id, size: z.number().int().min(16).max(512) }),
    output: z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) }),
  },
  /** Entries by score in equal bins from 0 to 1, and those without a score. */
  'review.histogram': {
    input: reviewQuerySchema.extend({ bins: z.number().int().min(1).max(100) }),
    output: z.object({ bins: z.array(z.number().int()), unscored: z.number().int() }),
  },
  /**
   * Accepts entries as they are, as one step of undo. An entry without a class is given `categoryId`; without that,
   * and for duplicates and entries somebody has changed, it is left.
   */
  'review.accept': {
    input: z.strictObject({ ids: entryIds, categoryId: z.number().int().nullable() }),
    output: settled,
  },
  /** The same for all entries of a query with at least this score. */
  'review.acceptAbove': {
    input: reviewQuerySchema.extend({ score: share, categoryId: z.number().int().nullable() }),
    output: settled,
  },
  /** Rejects entries as one step of undo. */
  'review.reject': {
    input: z.strictObject({ ids: entryIds, reason: z.string().max(2000).nullable() }),
    output: settled,
  },
  /** Decisions since a time (the start of the person's day): how many, how fast without pauses, how long for the rest. */
  'review.pace': {
    input: z.strictObject({ since: z.iso.datetime() }),
    output: z.object({
      decisions: z.number().int(),
      perHour: z.number().nullable(),
      remaining: z.number().int(),
      /** Seconds for what remains. */
      eta: z.number().nullable(),
    }),
  },
} as const;
