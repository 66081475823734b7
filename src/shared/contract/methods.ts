import { z } from 'zod';
import { boxSchema, pointSchema } from '../geometry/types';
import { rleSchema } from '../mask/rle';
import { pointLabelSchema, toolNameSchema } from '../tools/definitions';
import { authorSchema, trajectorySchema } from '../trajectory/schema';

/** Every method that the engine answers: input and output, validated on both sides of the border. */

const id = z.string().min(1).max(200);
const nothing = z.strictObject({});
/** The image that the person looks at: turns are only undone where they are seen. */
const onImage = z.strictObject({ imageId: id.nullable().default(null) });

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

export const categorySchema = z.object({
  id: z.number().int(),
  name: z.string().min(1),
  supercategory: z.string(),
  /** CSS hex colour. */
  color: z.string(),
});
export type Category = z.infer<typeof categorySchema>;

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

export const projectSummarySchema = z.object({
  name: z.string(),
  /** Shown to the person, never used to address anything. */
  location: z.string(),
  isSample: z.boolean(),
  counts: z.object({
    images: z.number().int(),
    todo: z.number().int(),
    review: z.number().int(),
    done: z.number().int(),
    annotations: z.number().int(),
  }),
  categories: z.array(categorySchema),
});
export type ProjectSummary = z.infer<typeof projectSummarySchema>;

export const historyStateSchema = z.object({
  undo: z.string().nullable(),
  redo: z.string().nullable(),
});
/** Labels of the marks that undo and redo would go to; null when there is none. */
export type HistoryState = z.infer<typeof historyStateSchema>;

/** A component that can run models, for the status bar and `inspect`. */
export const componentStatusSchema = z.object({
  ready: z.boolean(),
  name: z.string(),
  /** Device that really runs it, e.g. "CPU", "CUDA". */
  device: z.string(),
  /** Why it runs there, or what is missing and what to do. */
  detail: z.string(),
});
export type ComponentStatus = z.infer<typeof componentStatusSchema>;

export const appInfoSchema = z.object({
  name: z.string(),
  version: z.string(),
  segmenter: componentStatusSchema,
  agent: componentStatusSchema,
});
export type AppInfo = z.infer<typeof appInfoSchema>;

/** A person's call in image pixels; the engine writes it in the trajectory's coordinates. */
export const gestureSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('segment_box'), box: boxSchema }),
  z.strictObject({ name: z.literal('add_point'), point: pointSchema, label: pointLabelSchema }),
  z.strictObject({ name: z.literal('zoom'), box: boxSchema }),
  z.strictObject({ name: z.literal('zoom_out') }),
  z.strictObject({ name: z.literal('revert'), turn: z.number().int().min(0) }),
  z.strictObject({ name: z.literal('new_object') }),
  z.strictObject({ name: z.literal('finish') }),
  z.strictObject({ name: z.literal('report_no_target') }),
]);
export type Gesture = z.infer<typeof gestureSchema>;

export const modeSchema = z.enum(['manual', 'step', 'auto']);
export type Mode = z.infer<typeof modeSchema>;

/** The agent's next call, shown as a ghost before it runs. */
export const pendingCallSchema = z.object({
  thought: z.string(),
  name: toolNameSchema.nullable(),
  /** The same call in image pixels, when it is valid. */
  gesture: gestureSchema.nullable(),
  /** Arguments as the model wrote them. */
  written: z.string(),
  /** What is wrong with it, when it is invalid. */
  problem: z.string().nullable(),
});
export type PendingCall = z.infer<typeof pendingCallSchema>;

export const episodeStateSchema = z.object({
  episodeId: id,
  imageId: id,
  mode: modeSchema,
  /**
   * waiting: for the person. thinking: the policy works. proposed: a ghost waits for a decision.
   * acting: the environment runs a call. ended: finished, no target, or out of budget; can be accepted, forked or rejected.
   * accepted, rejected: settled. failed: see `error`; the person can go on by hand or retry.
   */
  status: z.enum(['waiting', 'thinking', 'proposed', 'acting', 'ended', 'accepted', 'rejected', 'failed']),
  /** Node that the next call continues from; null before the first. */
  head: z.string().nullable(),
  pending: pendingCallSchema.nullable(),
  trajectory: trajectorySchema,
  /** True while an agent can be asked (a model is configured, or recorded turns are left to replay). */
  canPropose: z.boolean(),
  /** For each node that was run: its call in image pixels, to be drawn and dragged. */
  gestures: z.record(z.string(), gestureSchema),
  error: z.object({ message: z.string(), hint: z.string() }).nullable(),
});
export type EpisodeState = z.infer<typeof episodeStateSchema>;

export const agentSourceSchema = z.discriminatedUnion('kind', [
  /** The configured model. */
  z.strictObject({ kind: z.literal('model') }),
  /** A recorded trajectory, played again turn by turn. */
  z.strictObject({ kind: z.literal('replay'), trajectoryId: id }),
  /** Nobody: the person does it all. */
  z.strictObject({ kind: z.literal('none') }),
]);

export const trajectorySummarySchema = z.object({
  id,
  imageId: id,
  query: z.string(),
  status: trajectorySchema.shape.outcome.shape.status,
  turns: z.number().int(),
  author: authorSchema,
  createdAt: z.string(),
});
export type TrajectorySummary = z.infer<typeof trajectorySummarySchema>;

export const jobStateSchema = z.object({
  id,
  kind: z.string(),
  label: z.string(),
  status: z.enum(['running', 'done', 'failed', 'cancelled']),
  done: z.number().int(),
  total: z.number().int().nullable(),
  /** Items a second, and seconds left, once known. */
  rate: z.number().nullable(),
  eta: z.number().nullable(),
  message: z.string().nullable(),
  failures: z.array(z.object({ item: z.string(), message: z.string() })),
});
export type JobState = z.infer<typeof jobStateSchema>;

const annotationChange = z.object({ annotation: annotationSchema, history: historyStateSchema });

export const methods = {
  'app.info': { input: nothing, output: appInfoSchema },
  /** Configures the agent: a GGUF (+ mmproj) path, or an OpenAI-compatible endpoint; `none` removes it. */
  'app.configureAgent': {
    input: z.strictObject({ policy: z.string(), coordinates: z.enum(['norm1000', 'pixel']) }),
    output: appInfoSchema,
  },
  /** Configures the segmenter: "ENCODER.onnx,DECODER.onnx" or "embedded". */
  'app.configureSegmenter': { input: z.strictObject({ segmenter: z.string() }), output: appInfoSchema },

  'project.current': { input: nothing, output: projectSummarySchema.nullable() },
  'project.recent': {
    input: nothing,
    output: z.array(z.object({ location: z.string(), name: z.string(), openedAt: z.string() })),
  },
  /** Opens a project file, or a folder of images (making a project in it). Import of a folder runs as a job. */
  'project.open': { input: z.strictObject({ location: z.string().min(1) }), output: projectSummarySchema },
  /** Opens the sample project, made afresh in the user's data folder when it is not there. */
  'project.openSample': { input: nothing, output: projectSummarySchema },
  'project.importCoco': {
    input: z.strictObject({ file: z.string().min(1), images: z.string().nullable() }),
    output: z.object({ jobId: id }),
  },
  /** Writes annotations as COCO JSON. The text, to be saved by the host or downloaded by a browser. */
  'project.exportCoco': {
    input: nothing,
    output: z.object({
      fileName: z.string(),
      json: z.string(),
      annotations: z.number().int(),
      images: z.number().int(),
      /** What is not as one may expect; for people to read. */
      warnings: z.array(z.string()),
    }),
  },
  /** All trajectories as JSONL; `warnings` names those that were left out. */
  'project.exportTrajectories': {
    input: nothing,
    output: z.object({
      fileName: z.string(),
      jsonl: z.string(),
      trajectories: z.number().int(),
      warnings: z.array(z.string()),
    }),
  },

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

  'categories.create': {
    input: z.strictObject({ name: z.string().trim().min(1).max(200) }),
    output: categorySchema,
  },
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

  'history.state': { input: onImage, output: historyStateSchema },
  'history.undo': { input: onImage, output: historyStateSchema },
  'history.redo': { input: onImage, output: historyStateSchema },

  'trajectories.list': { input: z.strictObject({ imageId: id }), output: z.array(trajectorySummarySchema) },

  'episode.start': {
    input: z.strictObject({
      imageId: id,
      query: z.string().max(2000),
      mode: modeSchema,
      source: agentSourceSchema,
      turnBudget: z.number().int().min(1).max(64),
    }),
    output: episodeStateSchema,
  },
  'episode.state': { input: z.strictObject({ episodeId: id }), output: episodeStateSchema },
  /** Changes between manual, step and auto; auto starts running, the others stop after the current call. */
  'episode.setMode': {
    input: z.strictObject({ episodeId: id, mode: modeSchema }),
    output: episodeStateSchema,
  },
  /** Asks the agent for its next call (status thinking, then proposed). */
  'episode.propose': { input: z.strictObject({ episodeId: id }), output: episodeStateSchema },
  /** Runs the pending call as it is. */
  'episode.acceptCall': { input: z.strictObject({ episodeId: id }), output: episodeStateSchema },
  /** Drops the pending call; it stays in the trajectory as a rejected sibling. */
  'episode.rejectCall': {
    input: z.strictObject({ episodeId: id, reason: z.string().nullable() }),
    output: episodeStateSchema,
  },
  /** A person's call at the head. A pending call becomes its rejected sibling. */
  'episode.act': {
    input: z.strictObject({ episodeId: id, gesture: gestureSchema }),
    output: episodeStateSchema,
  },
  /** Replaces a call that already ran: forks the tree at its parent. */
  'episode.correct': {
    input: z.strictObject({ episodeId: id, nodeId: id, gesture: gestureSchema }),
    output: episodeStateSchema,
  },
  /** Moves the head to an earlier turn (null: before the first) or to another branch. */
  'episode.goTo': {
    input: z.strictObject({ episodeId: id, nodeId: id.nullable() }),
    output: episodeStateSchema,
  },
  /** Stops thinking or running at once. */
  'episode.stop': { input: z.strictObject({ episodeId: id }), output: episodeStateSchema },
  /** The head's masks become annotations of the category, one an object. Committed to disk before it answers. */
  'episode.accept': {
    input: z.strictObject({ episodeId: id, categoryId: z.number().int() }),
    output: z.object({
      state: episodeStateSchema,
      annotations: z.array(annotationSchema),
      history: historyStateSchema,
    }),
  },
  'episode.reject': {
    input: z.strictObject({ episodeId: id, reason: z.string().nullable() }),
    output: episodeStateSchema,
  },
  /** What the agent saw at a node (null: at reset), as a PNG of the given longest side in pixels. */
  'episode.observationImage': {
    input: z.strictObject({ episodeId: id, nodeId: id.nullable(), size: z.number().int().min(16).max(2048) }),
    output: z.object({ mime: z.string(), bytes: z.instanceof(Uint8Array) }),
  },
  /** Mask for a prompt without recording anything: live preview while dragging. Latest wins. */
  'segment.preview': {
    input: z.strictObject({ episodeId: id, gesture: gestureSchema }),
    output: z.object({ mask: rleSchema.nullable() }),
  },

  'jobs.list': { input: nothing, output: z.array(jobStateSchema) },
  'jobs.cancel': { input: z.strictObject({ jobId: id }), output: jobStateSchema },
} as const;

export type MethodName = keyof typeof methods;
export type MethodInput<M extends MethodName> = z.input<(typeof methods)[M]['input']>;
export type MethodOutput<M extends MethodName> = z.output<(typeof methods)[M]['output']>;

/** Everything that the engine tells without being asked. */
export const events = {
  'project.changed': projectSummarySchema.nullable(),
  'images.changed': z.object({ imageIds: z.array(id) }),
  'annotations.changed': z.object({ imageIds: z.array(id) }),
  /** Undo or redo may lead elsewhere now: ask `history.state` for the image that is shown. */
  'history.changed': z.object({}),
  'episode.changed': episodeStateSchema,
  /** Text of the thought that is being written, in order. */
  'episode.text': z.object({ episodeId: id, text: z.string() }),
  'job.changed': jobStateSchema,
  'app.changed': appInfoSchema,
} as const;
export type EventName = keyof typeof events;
export type EventPayload<E extends EventName> = z.output<(typeof events)[E]>;

/** What hosts implement: one handler a method. */
export type Handlers = {
  [M in MethodName]: (input: z.output<(typeof methods)[M]['input']>) => Promise<MethodOutput<M>>;
};
