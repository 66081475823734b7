import { z } from 'zod';
import { rleArea, rleSchema } from '../mask/rle';
import type { FunctionTool } from '../tools/json-schema';
import { jsonDumps } from '../tools/prompt-text';
import {
  imageMark,
  imageMarks,
  offersTools,
  parsed,
  parsedJson,
  RowError,
  readTools,
  toolsColumn,
} from './conversation';
import { readTrlMessages, trlMessages } from './trl';
import { readVerlSystem, verlSystem } from './verl';

const groundTruthSchema = z.strictObject({
  /** COCO RLE of the whole image; null: the query names nothing in it. */
  mask: rleSchema.nullable(),
  /** Pixels that do not count, COCO RLE; null: all count. */
  ignore: rleSchema.nullable(),
  /** sha256 of the image file, hex. */
  image: z.string(),
});

/** The beginning of an episode, and what a reward is computed from. */
export interface RlPrompt {
  /** Number of the item in its data set, from 0: what the environment server's reset takes. */
  index: number;
  /** The item's key in its data set. */
  key: string;
  split: string;
  query: string;
  system: string;
  tools: FunctionTool[];
  /** The first message, with an image mark. */
  text: string;
  image: string;
  groundTruth: z.infer<typeof groundTruthSchema>;
}

/** Why an episode cannot begin with it. */
export function rlPromptProblems({ text, query, groundTruth, ...prompt }: RlPrompt): string[] {
  const problems: string[] = [];
  if (!text.startsWith(`${imageMark}\n`) || imageMarks(text) !== 1) {
    problems.push('the first message does not begin with its only image');
  }
  if (query.trim() === '') problems.push('the query is empty');
  if (!offersTools(prompt)) problems.push('no tool is offered');
  if (groundTruth.mask && rleArea(groundTruth.mask) === 0) problems.push('the ground truth is empty');
  return problems;
}

/** The name by which verl finds the agent loop of training/verl. */
const agentName = 'maskwright';

const verlSchema = z.strictObject({
  data_source: z.literal('maskwright'),
  prompt: z.array(z.strictObject({ role: z.enum(['system', 'user']), content: z.string() })),
  images: z.array(z.strictObject({ image: z.string() })).length(1),
  ability: z.literal('segmentation'),
  reward_model: z.strictObject({ style: z.literal('rule'), ground_truth: z.string() }),
  agent_name: z.literal(agentName),
  extra_info: z.strictObject({
    index: z.number().int().min(0),
    split: z.string(),
    need_tools_kwargs: z.literal(false),
    tools_kwargs: z.strictObject({ key: z.string(), query: z.string() }),
  }),
});

/** A row of verl's RLHFDataset. The tools stand in the system text, as in its rows for SFT. */
export function verlRlPrompt(prompt: RlPrompt): z.infer<typeof verlSchema> {
  const { index, split, key, query } = prompt;
  return {
    data_source: 'maskwright',
    prompt: [
      { role: 'system', content: verlSystem(prompt.system, prompt.tools) },
      { role: 'user', content: prompt.text },
    ],
    images: [{ image: prompt.image }],
    ability: 'segmentation',
    reward_model: { style: 'rule', ground_truth: jsonDumps(prompt.groundTruth) },
    agent_name: agentName,
    extra_info: { index, split, need_tools_kwargs: false, tools_kwargs: { key, query } },
  };
}

/** @throws RowError */
export function readVerlRlPrompt(value: unknown): RlPrompt {
  const row = parsed(verlSchema, value, 'the row');
  const [system, user, ...more] = row.prompt;
  if (system?.role !== 'system' || user?.role !== 'user' || more.length > 0) {
    throw new RowError('the prompt is not a system text and a question');
  }
  const { index, split, tools_kwargs: item } = row.extra_info;
  return {
    ...item,
    index,
    split,
    ...readVerlSystem(system.content),
    text: user.content,
    image: row.images[0]?.image ?? '',
    groundTruth: readGroundTruth(row.reward_model.ground_truth),
  };
}

const linesSchema = z.strictObject({
  index: z.number().int().min(0),
  key: z.string(),
  split: z.string(),
  query: z.string(),
  prompt: z.string(),
  tools: z.string().optional(),
  images: z.array(z.string()).length(1),
  ground_truth: z.string(),
});

/** A row for TRL: `index` is what `reset(index=…)` of the environment takes; messages are JSON as text. */
export function trlRlPrompt(prompt: RlPrompt): z.infer<typeof linesSchema> {
  const { index, key, split, query } = prompt;
  return {
    index,
    key,
    split,
    query,
    prompt: jsonDumps(trlMessages(prompt.system, [{ role: 'user', text: prompt.text }])),
    ...toolsColumn(prompt.tools),
    images: [prompt.image],
    ground_truth: jsonDumps(prompt.groundTruth),
  };
}

/** @throws RowError */
export function readTrlRlPrompt(value: unknown): RlPrompt {
  const { prompt, tools, images, ground_truth: truth, ...item } = parsed(linesSchema, value, 'the row');
  const { system, messages } = readTrlMessages(prompt);
  const [user, ...more] = messages;
  if (user?.role !== 'user' || more.length > 0) {
    throw new RowError('the prompt is not a system text and a question');
  }
  return {
    ...item,
    system,
    tools: readTools(tools),
    text: user.text,
    image: images[0] ?? '',
    groundTruth: readGroundTruth(truth),
  };
}

function readGroundTruth(text: string): RlPrompt['groundTruth'] {
  return parsed(groundTruthSchema, parsedJson(text, 'the ground truth'), 'the ground truth');
}
