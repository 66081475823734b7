import { z } from 'zod';

/**
 * The tools of the segmentation environment, one zod schema each. JSON Schema, GBNF grammar and prompt
 * text derive from this list; nothing else names a tool's arguments.
 *
 * Coordinates are integers in the policy's convention ({@link import('../geometry/view').Coordinates}) and
 * relative to the current view. Arguments are scalars because some training engines drop array item types.
 */
const coordinate = z.number().int().min(0);
const boxArguments = z.strictObject({ x1: coordinate, y1: coordinate, x2: coordinate, y2: coordinate });
const noArguments = z.strictObject({});

export const pointLabelSchema = z.enum(['positive', 'negative']);
export type PointLabel = z.infer<typeof pointLabelSchema>;

export const toolSchemas = {
  segment_box: boxArguments,
  add_point: z.strictObject({ x: coordinate, y: coordinate, label: pointLabelSchema }),
  zoom: boxArguments,
  zoom_out: noArguments,
  revert: z.strictObject({ turn: z.number().int().min(0) }),
  new_object: noArguments,
  finish: noArguments,
  report_no_target: noArguments,
} as const;

export type ToolName = keyof typeof toolSchemas;
export const toolNames = Object.keys(toolSchemas) as ToolName[];
export const toolNameSchema = z.enum(Object.keys(toolSchemas) as [ToolName, ...ToolName[]]);

const calls = {
  segment_box: z.strictObject({ name: z.literal('segment_box'), arguments: toolSchemas.segment_box }),
  add_point: z.strictObject({ name: z.literal('add_point'), arguments: toolSchemas.add_point }),
  zoom: z.strictObject({ name: z.literal('zoom'), arguments: toolSchemas.zoom }),
  zoom_out: z.strictObject({ name: z.literal('zoom_out'), arguments: toolSchemas.zoom_out }),
  revert: z.strictObject({ name: z.literal('revert'), arguments: toolSchemas.revert }),
  new_object: z.strictObject({ name: z.literal('new_object'), arguments: toolSchemas.new_object }),
  finish: z.strictObject({ name: z.literal('finish'), arguments: toolSchemas.finish }),
  report_no_target: z.strictObject({
    name: z.literal('report_no_target'),
    arguments: toolSchemas.report_no_target,
  }),
} as const;

/** A valid tool call in the policy's coordinates. */
export const toolCallSchema = z.discriminatedUnion('name', [
  calls.segment_box,
  calls.add_point,
  calls.zoom,
  calls.zoom_out,
  calls.revert,
  calls.new_object,
  calls.finish,
  calls.report_no_target,
]);
export type ToolCall = z.infer<typeof toolCallSchema>;

/** A call as a model wrote it, before validation: any name, any arguments. */
export const rawCallSchema = z.object({ name: z.string(), arguments: z.record(z.string(), z.unknown()) });
export type RawCall = z.infer<typeof rawCallSchema>;

export interface ToolDefinition {
  name: ToolName;
  /** One sentence for the model's prompt. */
  description: string;
  /** What each argument means, in the order in which a model writes them. */
  arguments: ReadonlyArray<{ name: string; description: string }>;
}

const corners = [
  { name: 'x1', description: 'left' },
  { name: 'y1', description: 'top' },
  { name: 'x2', description: 'right' },
  { name: 'y2', description: 'bottom' },
] as const;

export const toolDefinitions: readonly ToolDefinition[] = [
  {
    name: 'segment_box',
    description:
      'Segment the object inside a box. Starts a new hypothesis for the active object; its earlier prompts are dropped.',
    arguments: corners,
  },
  {
    name: 'add_point',
    description:
      'Refine the active object with a point: positive on a missing part of the target, negative on a part that is wrongly covered.',
    arguments: [
      { name: 'x', description: 'horizontal position' },
      { name: 'y', description: 'vertical position' },
      { name: 'label', description: 'positive or negative' },
    ],
  },
  {
    name: 'zoom',
    description: 'Enlarge a rectangle of the view so that small targets can be placed precisely.',
    arguments: corners,
  },
  { name: 'zoom_out', description: 'Show the whole image again.', arguments: [] },
  {
    name: 'revert',
    description: 'Restore the active object as it was after an earlier turn (0: before the first call).',
    arguments: [{ name: 'turn', description: 'number of the turn to return to' }],
  },
  {
    name: 'new_object',
    description: 'Keep the active object and start another one, when the query names several.',
    arguments: [],
  },
  {
    name: 'finish',
    description: 'Submit the masks of all objects as the answer.',
    arguments: [],
  },
  {
    name: 'report_no_target',
    description: 'Submit that nothing in the image matches the query.',
    arguments: [],
  },
];

export function toolDefinition(name: ToolName): ToolDefinition {
  const found = toolDefinitions.find((tool) => tool.name === name);
  if (!found) throw new Error(`No definition for tool ${name}`);
  return found;
}
