import { z } from 'zod';
import { coordinatesSchema } from '../tools/conventions';
import { id, nothing } from './common';
import { imageQuerySchema } from './images';
import { jobStateSchema } from './jobs';

/** Runs: an agent on many images without a person. Their results wait in the review queue and are never accepted by themselves. */

const name = z.string().trim().min(1).max(500);

/** Which images a run is about. */
const runImagesSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('all') }),
  z.strictObject({ kind: z.literal('todo') }),
  /** Those of a list, as it was filtered. */
  z.strictObject({ kind: z.literal('filter'), query: imageQuerySchema }),
  z.strictObject({ kind: z.literal('selected'), imageIds: z.array(id).min(1).max(100_000) }),
]);

/** What is looked for in them. */
const runQueriesSchema = z.discriminatedUnion('kind', [
  /** The same on every image. The class is offered when its results are reviewed. */
  z.strictObject({ kind: z.literal('one'), query: name, className: name.nullable() }),
  /** One for each class; `{class}` in the template stands for its name. */
  z.strictObject({
    kind: z.literal('classes'),
    template: name,
    categoryIds: z.array(z.number().int()).min(1).max(10_000),
  }),
  /** JSON, JSON lines, or lines `image,query[,class]`, as text. */
  z.strictObject({
    kind: z.literal('file'),
    fileName: z.string().max(500),
    text: z.string().max(50_000_000),
  }),
  /** Those of the recordings; goes with the policy `replay`. */
  z.strictObject({ kind: z.literal('recorded') }),
]);

export const runPolicySchema = z.enum(['model', 'simulated', 'replay']);
/**
 * model: the agent that is set up. simulated: the simulated annotator, with the image's annotations as ground truth.
 * replay: the recorded turns again.
 */
export type RunPolicy = z.infer<typeof runPolicySchema>;

export const runPlanSchema = z.strictObject({
  images: runImagesSchema,
  queries: runQueriesSchema,
  policy: runPolicySchema,
  coordinates: coordinatesSchema,
  turnBudget: z.number().int().min(1).max(64),
  concurrency: z.number().int().min(1).max(16),
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
});
export type RunPlan = z.output<typeof runPlanSchema>;

export const runItemSchema = z.object({
  /** Place in the run, from 1. */
  place: z.number().int(),
  imageId: id,
  imageName: z.string(),
  query: z.string(),
  className: z.string().nullable(),
  state: z.enum(['waiting', 'done', 'failed']),
  trajectoryId: id.nullable(),
  /** Why it failed, and what to do about it. */
  message: z.string().nullable(),
  hint: z.string().nullable(),
});
export type RunItem = z.infer<typeof runItemSchema>;

export const runSchema = z.object({
  id,
  label: z.string(),
  policy: runPolicySchema,
  /** Name of the policy as it was when the run was started. */
  policyName: z.string(),
  createdAt: z.string(),
  counts: z.object({
    total: z.number().int(),
    done: z.number().int(),
    failed: z.number().int(),
    waiting: z.number().int(),
    /** Results that nobody settled yet. */
    toReview: z.number().int(),
  }),
  job: jobStateSchema,
});
export type Run = z.infer<typeof runSchema>;

const problemSchema = z.object({ message: z.string(), hint: z.string() });

/** What a plan would do. */
export const runPreviewSchema = z.object({
  images: z.number().int(),
  items: z.number().int(),
  /** The first items. */
  rows: z.array(
    z.object({
      image: z.string(),
      query: z.string(),
      className: z.string().nullable(),
      matched: z.boolean(),
    }),
  ),
  /** Rows of the file whose image is not in the project or not among the chosen ones. */
  unmatched: z.number().int(),
  /** Items left out because the policy has nothing to go by there: no annotation, no recording. */
  leftOut: z.number().int(),
  /** Why it cannot start; null when it can. */
  problem: problemSchema.nullable(),
});
export type RunPreview = z.infer<typeof runPreviewSchema>;

const ofRun = z.strictObject({ runId: id });

export const runMethods = {
  'runs.preview': { input: runPlanSchema, output: runPreviewSchema },
  /** Starts it, or puts it behind those that run. */
  'runs.start': { input: runPlanSchema, output: runSchema },
  /** Newest first. */
  'runs.list': { input: nothing, output: z.array(runSchema) },
  'runs.items': {
    input: z.strictObject({
      runId: id,
      state: runItemSchema.shape.state.nullable(),
      offset: z.number().int().min(0),
      limit: z.number().int().min(1).max(500),
    }),
    output: z.object({ total: z.number().int(), items: z.array(runItemSchema) }),
  },
  /** Stops after the items in work, which are done again on resume. */
  'runs.pause': { input: ofRun, output: runSchema },
  'runs.resume': { input: ofRun, output: runSchema },
  /** Ends it for good; results that are there stay. */
  'runs.cancel': { input: ofRun, output: runSchema },
  /** Does the failed items again. */
  'runs.retry': { input: ofRun, output: runSchema },
} as const;
