import { z } from 'zod';
import type { Overlap, Protocol } from '../mask/metrics';

/** What is kept of one evaluated sample. Field names are those of `samples.jsonl`. */

const overlapSchema = z.object({
  /** Pixels. */
  intersection: z.number().int().min(0),
  union: z.number().int().min(0),
});

const overlapsSchema = z.object({ lisa: overlapSchema, segzero: overlapSchema });
/** Overlap of one answer with the ground truth, as each protocol counts its pixels. */
export type Overlaps = Record<Protocol, Overlap>;

/** What is measured of an episode while its ground truth is at hand; part of the progress log's lines. */
export const scoresSchema = z.object({
  /** Of the submitted answer. */
  final: overlapsSchema,
  /** Of what the first segmentation call gave: the one-shot answer. */
  first: overlapsSchema,
  /** 0..1, ignored pixels taken out of both masks. */
  dice: z.number().min(0).max(1),
  boundaryF: z.number().min(0).max(1),
  /** I / U after turn 1, 2, …, ignored pixels excluded, 1 where both are empty. */
  byTurn: z.array(z.number().min(0).max(1)),
});
export type Scores = z.infer<typeof scoresSchema>;

const countedSchema = overlapSchema.extend({ iou: z.number().min(0).max(1) });
/** One answer as a protocol counts it. */
export type Counted = z.infer<typeof countedSchema>;

/** `segzero` is null for a further sentence of a referent: that protocol has one row a referent. */
const countedByProtocolSchema = z.object({ lisa: countedSchema, segzero: countedSchema.nullable() });
export type CountedByProtocol = z.infer<typeof countedByProtocolSchema>;

const tokensSchema = z.object({
  prompt: z.number().int().min(0),
  completion: z.number().int().min(0),
  cached: z.number().int().min(0),
});
export type Tokens = z.infer<typeof tokensSchema>;

/** One line of samples.jsonl. */
export const sampleSchema = z.object({
  id: z.string(),
  image: z.string(),
  query: z.string(),
  split: z.string().nullable(),
  groups: z.array(z.string()),
  /** Why the sample failed; null when it was answered. */
  error: z.string().nullable(),
  /** How the episode ended; null when it failed. */
  status: z.string().nullable(),
  /** I / U without ignored pixels, 1 where both masks are empty; 0 when it failed. */
  iou: z.number().min(0).max(1),
  /** Pixels, without ignored ones. */
  intersection: z.number().int().min(0),
  union: z.number().int().min(0),
  gt_area: z.number().int().min(0),
  /** Pixels that `lisa` leaves out and `segzero` counts as ground truth. */
  ignore_area: z.number().int().min(0),
  dice: z.number().min(0).max(1),
  boundary_f: z.number().min(0).max(1),
  protocols: countedByProtocolSchema,
  /** The same for the answer of the first segmentation call. */
  one_shot: countedByProtocolSchema,
  iou_by_turn: z.array(z.number().min(0).max(1)),
  turns: z.number().int().min(0),
  invalid_calls: z.number().int().min(0),
  /** Time of policy and environment, milliseconds. */
  ms: z.number().min(0),
  /** Null where the policy told none. */
  tokens: tokensSchema.nullable(),
});
export type Sample = z.infer<typeof sampleSchema>;
