import { z } from 'zod';
import { unlearnableReasons, unusableReasons } from '../trajectory/learnable';

export const trainingEngines = ['ms-swift', 'llama-factory', 'trl', 'verl'] as const;
export type TrainingEngine = (typeof trainingEngines)[number];

/** What is trained: answers, pairs of answers, or prompts for the environment. */
export const trainingForms = ['sft', 'preferences', 'rl-prompts'] as const;
export type TrainingForm = (typeof trainingForms)[number];

/** Why something is not among the rows. */
export const droppedReasons = [
  ...unusableReasons,
  /** The image was not found, cannot be read or is not the one that was recorded. */
  'image',
  /** preferences: nothing on its accepted path took the place of an agent's call. */
  'no_fork',
  /** rl-prompts: nobody accepted a mask. */
  'no_accepted_mask',
] as const;
export type DroppedReason = (typeof droppedReasons)[number];

const count = z.number().int().min(0);

export const fileNames = {
  manifest: 'manifest.json',
  sources: 'sources.jsonl',
  dropped: 'dropped.jsonl',
  datasetInfo: 'dataset_info.json',
  images: 'images',
} as const;

/** manifest.json of an export. The same input and options give the same files. */
export const manifestSchema = z.strictObject({
  manifestVersion: z.literal(1),
  form: z.enum(trainingForms),
  engine: z.enum(trainingEngines),
  /** Version that the rows were made for and loaded with. */
  engineVersion: z.string(),
  application: z.strictObject({ name: z.string(), version: z.string() }),
  options: z.strictObject({
    /** Overlay images in a prompt beside the first image; `all`: none is ever dropped; left out: as the prompts that run. */
    observationImages: z.union([z.number().int().min(0), z.literal('all')]).optional(),
    minIou: z.number(),
    /** Put before the relative path of each image in the rows; empty: nothing. */
    imageRoot: z.string(),
  }),
  counts: z.strictObject({
    trajectories: count,
    used: count,
    rows: count,
    images: count,
    /** Turns of the used trajectories' accepted paths. */
    turns: count,
    turnsUnderLoss: count,
    /** Turns under loss that lowered the IoU, where it is known: 0. */
    turnsUnderLossThatLoweredIou: count,
  }),
  shareOfTurnsUnderLoss: z.number().nullable(),
  shareOfTurnsUnderLossThatLoweredIou: z.number().nullable(),
  /** Turns of used trajectories that are context only, by reason. */
  contextTurns: z.partialRecord(z.enum(unlearnableReasons), count),
  dropped: z.partialRecord(z.enum(droppedReasons), count),
  /** All files but this one and the images, which are named by their hash. */
  files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256: z.string().length(64) })),
});
export type Manifest = z.infer<typeof manifestSchema>;

const iou = z.number().min(0).max(1).nullable();

/** A line of sources.jsonl: what the answers of a row were in their trajectory. */
export const rowSourceSchema = z.strictObject({
  /** From 1. */
  row: z.number().int().min(1),
  trajectory: z.string(),
  /** The answers of the row, in order; of a preference the chosen one comes last. */
  turns: z.array(
    z.strictObject({
      node: z.string(),
      loss: z.boolean(),
      iouBefore: iou,
      iou,
      reason: z.enum(unlearnableReasons).nullable(),
    }),
  ),
  /** preferences: the node of the rejected answer. */
  rejected: z.string().optional(),
});
export type RowSource = z.infer<typeof rowSourceSchema>;
