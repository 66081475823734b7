import { z } from 'zod';
import { isTimeZone } from '../insight/days';
import { callToolSchema } from '../insight/episode-facts';
import { rleSchema } from '../mask/rle';
import { authorSchema } from '../trajectory/schema';
import { id, nothing } from './common';

/** Statistics of the work, and agreement with masks that are held to be right. */

const count = z.number().int().min(0);
/** "2026-11-22" in the time zone that was asked for. */
const daySchema = z.iso.date();

/** `count` of `of` with Wilson's 95 % interval, 0..1; null where `of` is 0. */
export const shareSchema = z.object({
  count,
  of: count,
  share: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

/** Mean and median of `n` values with the mean's 95 % bootstrap interval; null where there are too few. */
export const meanSchema = z.object({
  n: count,
  mean: z.number().nullable(),
  median: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});

export const insightFilterSchema = z.strictObject({
  /** First and last day, both included; null: no bound. */
  from: daySchema.nullable(),
  to: daySchema.nullable(),
  categoryId: z.number().int().nullable(),
  /** Key of a policy, from `choices`. */
  policy: z.string().max(1000).nullable(),
  runId: id.nullable(),
});
export type InsightFilter = z.infer<typeof insightFilterSchema>;

const decisionsSchema = z.object({ accepted: count, rejected: count, drawn: count, changed: count });

export const insightSummarySchema = z.object({
  /** Of the whole project: images belong to no class, policy or run. */
  progress: z.object({
    now: z.object({ todo: count, review: count, done: count }),
    /** One a day without gaps, at most a year; images at the day's end, decisions that were not undone. */
    days: z.array(decisionsSchema.extend({ day: daySchema, todo: count, review: count, done: count })),
  }),
  /** What can be filtered by. */
  choices: z.object({
    policies: z.array(z.object({ key: z.string(), kind: z.string(), name: z.string(), episodes: count })),
    runs: z.array(z.object({ runId: id, label: z.string(), episodes: count })),
  }),
  /** Episodes that the filter lets through. */
  episodes: z.object({ all: count, accepted: count, rejected: count, waiting: count, unreadable: count }),
  /** Seconds an object, pauses left out. */
  time: z.object({
    pauseSeconds: z.number(),
    /** The person's, where the agent had a hand in it and where not. */
    together: meanSchema,
    alone: meanSchema,
    /** Accepted episodes of which the person's time is not known. */
    unknown: count,
    /** Policy's and segmenter's. */
    agent: meanSchema,
    drawn: meanSchema,
    /** Drawn objects of which the beginning is not known. */
    drawnUnknown: count,
  }),
  /** Turns an accepted object, all branches counted. */
  turns: z.object({ all: meanSchema, agent: meanSchema, person: meanSchema }),
  /** Calls by who made them and by tool; shares are of the decided ones, invalid of all. */
  calls: z.array(
    z.object({
      author: authorSchema,
      tool: callToolSchema,
      all: count,
      undecided: count,
      accepted: shareSchema,
      corrected: shareSchema,
      rejected: shareSchema,
      invalid: shareSchema,
    }),
  ),
  /** IoU of what the agent alone reached with what was accepted. */
  proposals: z.object({
    iou: meanSchema,
    /** Accepted as they were, to the pixel. */
    untouched: shareSchema,
    /** Accepted objects that the agent had no mask for. */
    without: count,
    byDay: z.array(meanSchema.extend({ day: daySchema })),
    byClass: z.array(meanSchema.extend({ name: z.string(), categoryId: z.number().int().nullable() })),
    byPolicy: z.array(meanSchema.extend({ key: z.string(), kind: z.string(), name: z.string() })),
  }),
});
export type InsightSummary = z.infer<typeof insightSummarySchema>;
export type InsightShare = z.infer<typeof shareSchema>;
export type InsightMean = z.infer<typeof meanSchema>;

const agreementCountsSchema = z.object({
  gold: count,
  ours: count,
  matched: count,
  missed: count,
  extra: count,
  /** Matched with an object of another class. */
  confused: count,
});

export const agreementCaseSchema = z.object({
  imageId: id,
  imageName: z.string(),
  kind: z.enum(['matched', 'missed', 'extra', 'confused']),
  goldClass: z.string().nullable(),
  ourClass: z.string().nullable(),
  iou: z.number().nullable(),
  boundaryF: z.number().nullable(),
  gold: rleSchema.nullable(),
  ours: rleSchema.nullable(),
});
export type AgreementCase = z.infer<typeof agreementCaseSchema>;

export const agreementSchema = z.object({
  file: z.string(),
  at: z.iso.datetime(),
  threshold: z.number(),
  onlyDone: z.boolean(),
  images: z.object({
    compared: count,
    /** In the project, but not done. */
    notDone: count,
    /** In the file and not in the project, by name. */
    unknown: count,
    otherSize: count,
    ambiguous: count,
  }),
  /** Objects on or of crowds, left out on both sides. */
  ignored: count,
  /** Entries of the file that could not be read. */
  unreadable: count,
  total: agreementCountsSchema.extend({
    precision: shareSchema,
    recall: shareSchema,
    iou: meanSchema,
    boundaryF: meanSchema,
  }),
  classes: z.array(
    agreementCountsSchema.extend({ name: z.string(), iou: meanSchema, boundaryF: meanSchema }),
  ),
  /** Pairs of classes that were taken for each other, the most frequent first. */
  confusions: z.array(z.object({ gold: z.string(), ours: z.string(), count })),
  /** Worst first: missed, extra, another class, then by IoU. Without masks: `insight.case` has them. */
  worst: z.array(agreementCaseSchema.omit({ gold: true, ours: true })),
  /** How many more there are than `worst` lists. */
  moreCases: count,
});
export type Agreement = z.infer<typeof agreementSchema>;

export const insightMethods = {
  'insight.summary': {
    input: z.strictObject({
      filter: insightFilterSchema,
      timeZone: z.string().max(100).refine(isTimeZone, 'not a time zone'),
    }),
    output: insightSummarySchema,
  },
  /** Compares the project's masks with those of a COCO file, as a job; then `insight.agreement` has the result. */
  'insight.compare': {
    input: z.strictObject({
      file: z.string().min(1),
      /** Smallest IoU of two masks that are the same object. */
      threshold: z.number().min(0.05).max(0.95),
      /** Leaves out images that are not done: what nobody looked at is not missed. */
      onlyDone: z.boolean(),
    }),
    output: z.object({ jobId: id }),
  },
  /** The last comparison since the project was opened; null when there was none. */
  'insight.agreement': { input: nothing, output: agreementSchema.nullable() },
  /** A case of the last comparison with its masks, by its place in `worst`. */
  'insight.case': { input: z.strictObject({ place: count }), output: agreementCaseSchema },
} as const;
