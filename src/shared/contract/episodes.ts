import { z } from 'zod';
import { boxSchema, pointSchema } from '../geometry/types';
import { pointLabelSchema, toolNameSchema } from '../tools/definitions';
import { authorSchema, trajectorySchema, usageSchema } from '../trajectory/schema';
import { annotationSchema } from './annotations';
import { classFields, id, namesOneClass, oneClass } from './common';
import { historyStateSchema } from './history';

/** The agent at work with a person beside it. */

/**
 * Index of the mask that a person chose among those that the decoder gives for the prompt; left out when nobody chose
 * and the segmenter's own choice counts.
 */
const candidate = z.number().int().min(0).max(63).optional();

/** A person's call in image pixels; the engine writes it in the trajectory's coordinates. */
export const gestureSchema = z.discriminatedUnion('name', [
  z.strictObject({ name: z.literal('segment_box'), box: boxSchema, candidate }),
  z.strictObject({
    name: z.literal('add_point'),
    point: pointSchema,
    label: pointLabelSchema,
    candidate,
  }),
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

/**
 * What became of the later calls when a turn was put in or taken out. Calls that ran are new turns of the person, with
 * observations of their own; places are kept in image pixels.
 */
export const rerunSchema = z.object({
  /** New nodes, in order. */
  ran: z.array(z.string()),
  /**
   * Calls that were not run again. refused: it was refused then already. ended: it ended the episode on what was seen
   * then. object: it acted on another object. gone: it reverts to a turn that is not there. invalid: it would be
   * refused here. stopped: the person stopped it. after: it came after one of these three.
   */
  left: z.array(
    z.object({
      node: z.string(),
      why: z.enum(['refused', 'ended', 'object', 'gone', 'invalid', 'stopped', 'after']),
    }),
  ),
});
export type Rerun = z.infer<typeof rerunSchema>;

const rerunResultSchema = z.object({ state: episodeStateSchema, rerun: rerunSchema });

/** What a model was given at a turn. */
export const explanationSchema = z.object({
  /** model: it was given this. recording: the call was played from a recording. nobody: a person or a program made it. */
  asked: z.enum(['model', 'recording', 'nobody']),
  policy: z.object({ kind: z.string(), name: z.string() }),
  messages: z.array(
    z.object({
      role: z.enum(['system', 'user', 'assistant', 'tool']),
      content: z.array(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('text'), text: z.string() }),
          z.object({
            type: z.literal('image'),
            /** The turn after which the agent saw it; null: before the first. */
            node: z.string().nullable(),
            width: z.number().int(),
            height: z.number().int(),
            png: z.instanceof(Uint8Array),
          }),
        ]),
      ),
    }),
  ),
  /** The section on tools as chat templates append it to the system text; servers with tools of their own get it as JSON. */
  tools: z.string(),
  /** The answer as it came; empty for people. */
  raw: z.string(),
  /** What was wrong with it. */
  problem: z.string().nullable(),
  usage: usageSchema,
});
export type Explanation = z.infer<typeof explanationSchema>;

export const agentSourceSchema = z.discriminatedUnion('kind', [
  /** The configured model. */
  z.strictObject({ kind: z.literal('model') }),
  /** A recorded trajectory, played again turn by turn. */
  z.strictObject({ kind: z.literal('replay'), trajectoryId: id }),
  /** Nobody yet: the person does it all until a model is configured. */
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

export const episodeMethods = {
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
  /**
   * A person's call at the head, or after an earlier turn (null: before the first), where the tree forks. A pending call
   * or the turn that came there becomes its rejected sibling.
   */
  'episode.act': {
    input: z.strictObject({ episodeId: id, gesture: gestureSchema, nodeId: id.nullable().optional() }),
    output: episodeStateSchema,
  },
  /** Replaces a call that already ran: forks the tree at its parent. */
  'episode.correct': {
    input: z.strictObject({ episodeId: id, nodeId: id, gesture: gestureSchema }),
    output: episodeStateSchema,
  },
  /** A person's call before or after a turn; the later calls run again behind it. */
  'episode.insert': {
    input: z.strictObject({
      episodeId: id,
      nodeId: id,
      place: z.enum(['before', 'after']),
      gesture: gestureSchema,
    }),
    output: rerunResultSchema,
  },
  /** Takes a turn out: a fork without it, on which the later calls run again. */
  'episode.remove': {
    input: z.strictObject({ episodeId: id, nodeId: id }),
    output: rerunResultSchema,
  },
  /** Why a call was rejected or corrected; null takes the reason back. */
  'episode.giveReason': {
    input: z.strictObject({
      episodeId: id,
      nodeId: id,
      reason: z.string().trim().min(1).max(500).nullable(),
    }),
    output: episodeStateSchema,
  },
  /** Exactly what the model was given at a turn; null: for the call that is pending. */
  'episode.explain': {
    input: z.strictObject({ episodeId: id, nodeId: id.nullable() }),
    output: explanationSchema,
  },
  /** Moves the head to an earlier turn (null: before the first) or to another branch. */
  'episode.goTo': {
    input: z.strictObject({ episodeId: id, nodeId: id.nullable() }),
    output: episodeStateSchema,
  },
  /** Stops thinking or running at once. */
  'episode.stop': { input: z.strictObject({ episodeId: id }), output: episodeStateSchema },
  /** The masks as of a turn (the head when it is left out) become annotations, one an object. On disk before it answers. */
  'episode.accept': {
    input: z
      .strictObject({
        episodeId: id,
        ...classFields,
        nodeId: id.optional(),
      })
      .refine(namesOneClass, oneClass),
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
} as const;
