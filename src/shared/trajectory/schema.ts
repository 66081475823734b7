import { z } from 'zod';
import { boxSchema } from '../geometry/types';
import { rleSchema } from '../mask/rle';
import { coordinatesSchema, promptStyleSchema, viewPixelsSchema } from '../tools/conventions';
import { pointLabelSchema, rawCallSchema } from '../tools/definitions';

/** Version of the stored form; `migrations.ts` brings older ones up to it. */
export const trajectorySchemaVersion = 1;

export const authorSchema = z.enum(['agent', 'human', 'simulator']);
export type Author = z.infer<typeof authorSchema>;

/** A signed point prompt in image pixels. */
export const promptPointSchema = z.object({ x: z.number(), y: z.number(), label: pointLabelSchema });

/** One object as an observation reports it: prompts in image pixels, mask as COCO RLE of the whole image. */
export const observedObjectSchema = z.object({
  id: z.number().int().min(1),
  box: boxSchema.nullable(),
  points: z.array(promptPointSchema),
  mask: rleSchema.nullable(),
  predictedIou: z.number().nullable(),
  /**
   * Index among the decoder's candidates of the mask that a person chose. Left out when nobody chose: the mask is then
   * the segmenter's own choice, which is what any policy gets for these prompts.
   */
  candidate: z.number().int().min(0).optional(),
});
export type ObservedObject = z.infer<typeof observedObjectSchema>;

/** The rectangle of the image (pixels) that the observation's image shows, and that image's size in pixels. */
export const viewSchema = z.object({
  box: boxSchema,
  width: z.number().int().min(1),
  height: z.number().int().min(1),
});

/** What the environment answered. The image is not stored: it is rendered again from this and the header. */
export const observationSchema = z.object({
  text: z.string(),
  view: viewSchema,
  objects: z.array(observedObjectSchema),
  /** Id of the object that the next call acts on. */
  activeObject: z.number().int().min(1),
  turn: z.number().int().min(0),
  turnsLeft: z.number().int().min(0),
});
export type Observation = z.infer<typeof observationSchema>;

export const usageSchema = z.object({
  promptTokens: z.number().int().min(0).optional(),
  completionTokens: z.number().int().min(0).optional(),
  cachedTokens: z.number().int().min(0).optional(),
});
export type Usage = z.infer<typeof usageSchema>;

/** One turn. Append-only: a node is never changed once its observation is recorded. */
export const trajectoryNodeSchema = z.object({
  id: z.string(),
  parent: z.string().nullable(),
  author: authorSchema,
  thought: z.string(),
  /** In the header's coordinates, relative to the parent's view. Null when the answer held no call. */
  call: rawCallSchema.nullable(),
  /** The model's text as it came; empty for people. */
  raw: z.string(),
  /** Null when the call was never run (a ghost that a person replaced or rejected). */
  observation: observationSchema.nullable(),
  /** Set when the call was refused: what was wrong. The turn is spent, nothing changed. */
  invalid: z.string().nullable(),
  /** How the episode ended by this call, if it did. */
  ended: z.enum(['finished', 'no_target', 'truncated']).nullable(),
  /** Wall time in milliseconds. */
  timings: z.object({ policyMs: z.number(), environmentMs: z.number() }),
  usage: usageSchema,
  /** IoU of the union of all masks with the ground truth, where that is known. */
  iou: z.number().min(0).max(1).nullable(),
  /**
   * Simulated annotator: whether the call was wrong on purpose, something else taken for the target. Left out by other
   * authors, and in files of versions that did not record it.
   */
  wrongOnPurpose: z.boolean().optional(),
  /** Id of the turn whose call a person had run again here, behind a turn that was put in or taken out. */
  repeats: z.string().optional(),
  /** When the policy was asked: what it was shown is the tree as it was then. With a person beside it only. */
  askedAt: z.iso.datetime().optional(),
  /** When the node was recorded. */
  at: z.iso.datetime(),
});
export type TrajectoryNode = z.infer<typeof trajectoryNodeSchema>;

/** A decision about a node, kept beside it. The last one about a node counts. */
export const verdictSchema = z.object({
  node: z.string(),
  verdict: z.enum(['proposed', 'accepted', 'corrected', 'rejected']),
  by: authorSchema,
  /** With `corrected`: the node that replaced it. */
  replacement: z.string().nullable(),
  reason: z.string().nullable(),
  at: z.iso.datetime(),
});
export type Verdict = z.infer<typeof verdictSchema>;

export const overlayStyleSchema = z.object({
  activeColor: z.tuple([z.number(), z.number(), z.number()]),
  otherColor: z.tuple([z.number(), z.number(), z.number()]),
  alpha: z.number(),
  contourPx: z.number(),
  markerPx: z.number(),
});
export type OverlayStyle = z.infer<typeof overlayStyleSchema>;

export const trajectoryHeaderSchema = z.object({
  schemaVersion: z.literal(trajectorySchemaVersion),
  id: z.string(),
  createdAt: z.iso.datetime(),
  application: z.object({ name: z.string(), version: z.string() }),
  image: z.object({
    /** sha256 of the file's bytes, hex. */
    hash: z.string(),
    name: z.string(),
    /** Size in pixels after EXIF orientation. */
    width: z.number().int().min(1),
    height: z.number().int().min(1),
  }),
  query: z.string(),
  coordinates: coordinatesSchema,
  /** Files from before it was written down: full. */
  prompt: promptStyleSchema.default('full'),
  /** Files from before it was written down: null. `view` has what came of it. */
  viewPixels: viewPixelsSchema.default(null),
  turnBudget: z.number().int().min(1),
  policy: z.object({ kind: z.string(), name: z.string() }),
  segmenter: z.object({ name: z.string(), signature: z.string() }),
  view: z.object({ multiple: z.number(), minPixels: z.number(), maxPixels: z.number() }),
  overlay: overlayStyleSchema,
  seed: z.number().int().nullable(),
});
export type TrajectoryHeader = z.infer<typeof trajectoryHeaderSchema>;

/** How the whole trajectory was settled. */
export const outcomeSchema = z.object({
  status: z.enum(['open', 'accepted', 'rejected', 'finished', 'no_target', 'truncated', 'failed']),
  /** The node whose masks are the answer. */
  node: z.string().nullable(),
  /** One mask an object, as accepted or submitted (pixel edits included). */
  masks: z.array(rleSchema),
  /** Category name given at acceptance. */
  category: z.string().nullable(),
  message: z.string().nullable(),
});
export type Outcome = z.infer<typeof outcomeSchema>;

/** An append-only tree of turns with its verdicts; one line of trajectories.jsonl. */
export const trajectorySchema = z.object({
  header: trajectoryHeaderSchema,
  /** The observation of `reset`: the whole image, no object yet. */
  root: observationSchema,
  nodes: z.array(trajectoryNodeSchema),
  verdicts: z.array(verdictSchema),
  outcome: outcomeSchema,
});
export type Trajectory = z.infer<typeof trajectorySchema>;
