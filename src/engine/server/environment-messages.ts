import { MaskwrightError } from '@shared/contract/errors';
import { promptStyleSchema } from '@shared/tools/conventions';
import { z } from 'zod';

/**
 * The messages of the environment server: OpenEnv's protocol as openenv-core 0.3.0 speaks it (core/env_server/types.py,
 * mcp_types.py), with this environment's own `data`. What arrives is checked strictly, as the reference server does.
 */

/** Bytes of one message, an image in base64 included. */
export const maxMessageBytes = 16 * 1024 * 1024;

/** Of a policy's raw output only so many characters at its end are read: the call stands there. */
export const maxTextLength = 8_000;

const label = z.string().max(255);
/** OpenEnv's clients add their own `metadata` to typed actions; nothing reads it. */
const metadata = z.record(z.string(), z.unknown()).optional();

export const resetDataSchema = z
  .strictObject({
    seed: z.number().int().min(0).max(0xffffffff).nullish().describe('Chooses the item where no index does.'),
    episode_id: label.min(1).nullish().describe('Name of the episode; made up when left out.'),
    index: z.number().int().min(0).optional().describe('Number of the item of the data set, from 0.'),
    image: z
      .string()
      .min(1)
      .optional()
      .describe('An image file (JPEG, PNG, WebP, …) in base64; needs query.'),
    query: z.string().min(1).max(10_000).optional().describe('What to segment in the image that is sent.'),
  })
  .superRefine((data, context) => {
    const refuse = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if ((data.image === undefined) !== (data.query === undefined))
      refuse(data.image === undefined ? 'query' : 'image', 'image and query belong together.');
    if (data.image !== undefined && data.index !== undefined)
      refuse('index', 'Give either an index or an image.');
  });
export type ResetData = z.infer<typeof resetDataSchema>;

const callSchema = z.strictObject({
  name: z.string().max(255).describe('Name of a tool.'),
  arguments: z.record(z.string(), z.unknown()).default({}).describe('Its arguments, see the tool’s schema.'),
  thought: z.string().optional().describe('Why. Accepted as policies write it; nothing depends on it.'),
  metadata,
});
const textSchema = z.strictObject({
  text: z
    .string()
    .describe('A model’s raw output: <think>…</think><tool_call>{"name": …, "arguments": {…}}</tool_call>'),
  metadata,
});
const listToolsSchema = z.strictObject({ type: z.literal('list_tools'), metadata });
const callToolSchema = z.strictObject({
  type: z.literal('call_tool'),
  tool_name: z.string().max(255),
  arguments: z.record(z.string(), z.unknown()).default({}),
  metadata,
});

export const stepDataSchema = z.union([callSchema, textSchema, listToolsSchema, callToolSchema]);
export type StepData = z.infer<typeof stepDataSchema>;

/** The form that a step's data is meant to have, so that a complaint is about that form and no other. */
function stepFormOf(value: unknown): z.ZodType<StepData> {
  if (typeof value !== 'object' || value === null) return stepDataSchema;
  if ('type' in value) return value.type === 'call_tool' ? callToolSchema : listToolsSchema;
  return 'text' in value ? textSchema : callSchema;
}

const data = z.record(z.string(), z.unknown());

/** Frames of the WebSocket, by type. */
export const frameSchemas = {
  reset: z.strictObject({ type: z.literal('reset'), data: data.default({}) }),
  step: z.strictObject({ type: z.literal('step'), data }),
  state: z.strictObject({ type: z.literal('state') }),
  close: z.strictObject({ type: z.literal('close') }),
  mcp: z.strictObject({ type: z.literal('mcp'), data }),
} as const;

/** Bodies of HTTP requests. The reference server takes further members, so these do too. */
export const stepRequestSchema = z.looseObject({
  action: data,
  timeout_s: z.number().positive().max(3600).nullish(),
  request_id: label.nullish(),
  episode_id: label.min(1).nullish(),
});

export const rpcRequestSchema = z.strictObject({
  jsonrpc: z.literal('2.0'),
  method: z.string().max(255),
  params: z.record(z.string(), z.unknown()).default({}),
  id: z.union([z.string(), z.number().int()]).nullish(),
});
export type RpcRequest = z.infer<typeof rpcRequestSchema>;

export const toolListingSchema = z.strictObject({
  name: z.string(),
  description: z.string(),
  input_schema: z.record(z.string(), z.unknown()).describe('JSON Schema of the arguments.'),
});
export type ToolListing = z.infer<typeof toolListingSchema>;

export const metricsSchema = z
  .record(z.string(), z.number().nullable())
  .describe('iou, dice, the reward of stopping here and its terms, the process reward of the turn and its.');

export const observationSchema = z.strictObject({
  text: z.string(),
  images: z.array(z.string()).describe('PNG in base64, newest last; on reset the plain image.'),
  query: z.string(),
  turn: z.number().int(),
  turns_left: z.number().int(),
  view: z
    .tuple([z.number(), z.number(), z.number(), z.number()])
    .describe('x1, y1, x2, y2 in pixels of the image: what the newest image shows.'),
  truncated: z.boolean().describe('The budget of turns ended the episode.'),
  episode_id: z.string().optional().describe('On reset.'),
  prompt: promptStyleSchema
    .optional()
    .describe('On reset. full: the tools section follows the system text; brief: the prompt names no tools.'),
  system: z.string().optional().describe('On reset: system text of a prompt, without the tools.'),
  tools: z
    .array(toolListingSchema)
    .optional()
    .describe('On reset: what can be called, however the prompt is.'),
  metrics: metricsSchema.optional().describe('Only from a server that was started with --metrics.'),
});
export type WireObservation = z.infer<typeof observationSchema>;

/** `data` of an observation, and the answer to POST /reset and /step. */
export interface ObservationReply {
  observation: WireObservation | Record<string, unknown>;
  /** The episode's reward at its end, where the ground truth is known; null before and without. */
  reward: number | null;
  done: boolean;
}

export const stateSchema = z.strictObject({
  episode_id: z.string().nullable(),
  step_count: z.number().int(),
  query: z.string().nullable(),
  turn: z.number().int(),
  turns_left: z.number().int(),
  ended: z.enum(['finished', 'no_target', 'truncated']).nullable(),
  seed: z.number().int().nullable(),
  index: z.number().int().nullable(),
  image_width: z.number().int().nullable(),
  image_height: z.number().int().nullable(),
});
export type StateReply = z.infer<typeof stateSchema>;

export type WireErrorCode =
  | 'INVALID_JSON'
  | 'UNKNOWN_TYPE'
  | 'VALIDATION_ERROR'
  | 'EXECUTION_ERROR'
  | 'CAPACITY_REACHED'
  | 'FACTORY_ERROR'
  | 'SESSION_ERROR';

/** One complaint about a message, in pydantic's form. */
export interface Complaint {
  type: string;
  loc: (string | number)[];
  msg: string;
}

/** A message that has not the form that it must have. */
export class InvalidMessage extends MaskwrightError {
  readonly complaints: readonly Complaint[];

  constructor(complaints: readonly Complaint[]) {
    const first = complaints[0];
    super(
      'INVALID_REQUEST',
      `Invalid message: ${first ? `${first.loc.join('.')}: ${first.msg}` : 'wrong form'}`,
    );
    this.complaints = complaints;
  }
}

/** @throws InvalidMessage; `at` is where in the message the value stood */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown, at: readonly string[] = []): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new InvalidMessage(
    parsed.error.issues.slice(0, 20).map(({ code, path, message }) => ({
      type: code ?? 'custom',
      loc: [...at, ...path.map((part) => (typeof part === 'symbol' ? String(part) : part))],
      msg: message,
    })),
  );
}

/** @throws InvalidMessage */
export function parseReset(value: unknown, at: readonly string[]): ResetData {
  return parseAs(resetDataSchema, value, at);
}

/** @throws InvalidMessage */
export function parseStep(value: unknown, at: readonly string[]): StepData {
  return parseAs(stepFormOf(value), value, at);
}

/** Answer to GET /schema. */
export function schemaReply(): Record<'action' | 'observation' | 'state', unknown> {
  return {
    action: z.toJSONSchema(stepDataSchema, { io: 'input' }),
    observation: z.toJSONSchema(observationSchema),
    state: z.toJSONSchema(stateSchema),
  };
}
