import { z } from 'zod';
import { rawCallSchema } from '../tools/definitions';
import { jsonDumps } from '../tools/prompt-text';
import {
  type Answer,
  answerText,
  type Conversation,
  conversationProblems,
  parsed,
  parsedJson,
  RowError,
  readTools,
  toolsColumn,
} from './conversation';
import {
  llamaFactoryAnswer,
  llamaFactoryMessages,
  llamaFactoryTools,
  readLlamaFactoryAnswer,
  readLlamaFactoryMessages,
  readLlamaFactoryTools,
  saidSchema,
} from './llama-factory';
import { msSwiftMessageSchema, msSwiftMessages, readMsSwiftMessages } from './ms-swift';
import { readTrlAnswer, readTrlMessages, trlAnswer, trlMessages } from './trl';

/** One prompt and two answers to it: what took an agent's place, and what the agent had proposed. */
export interface Preference {
  /** Ends with the chosen answer. */
  chosen: Conversation;
  rejected: Answer;
}

/** Why it is no pair to learn from. */
export function preferenceProblems({ chosen, rejected }: Preference): string[] {
  const problems = conversationProblems(chosen);
  const last = chosen.messages.at(-1);
  if (last?.role === 'assistant' && answerText(last) === answerText(rejected)) {
    problems.push('both answers are the same');
  }
  if (!rawCallSchema.safeParse(rejected.call).success) problems.push('the rejected answer holds no call');
  return problems;
}

function split({ chosen }: Preference): { prompt: Conversation['messages']; answer: Answer } {
  const answer = chosen.messages.at(-1);
  if (answer?.role !== 'assistant') throw new RowError('the last message is no answer');
  return { prompt: chosen.messages.slice(0, -1), answer };
}

const trlSchema = z.strictObject({
  prompt: z.string(),
  chosen: z.string(),
  rejected: z.string(),
  tools: z.string().optional(),
  images: z.array(z.string()),
});

/** TRL's DPO columns, messages as JSON text. */
export function trlPreference(pair: Preference): z.infer<typeof trlSchema> {
  const { system, tools, images } = pair.chosen;
  const { prompt, answer } = split(pair);
  return {
    prompt: jsonDumps(trlMessages(system, prompt)),
    chosen: jsonDumps([trlAnswer(answer)]),
    rejected: jsonDumps([trlAnswer(pair.rejected)]),
    ...toolsColumn(tools),
    images,
  };
}

/** @throws RowError */
export function readTrlPreference(value: unknown): Preference {
  const row = parsed(trlSchema, value, 'the row');
  const { system, messages } = readTrlMessages(row.prompt);
  const only = (text: string, what: string): Answer =>
    readTrlAnswer(parsed(z.tuple([z.unknown()]), parsedJson(text, what), what)[0]);
  const chosen = only(row.chosen, 'chosen');
  return {
    chosen: { system, tools: readTools(row.tools), messages: [...messages, chosen], images: row.images },
    rejected: only(row.rejected, 'rejected'),
  };
}

const msSwiftSchema = z.strictObject({
  messages: z.array(msSwiftMessageSchema),
  rejected_messages: z.array(msSwiftMessageSchema),
  tools: z.string().optional(),
  images: z.array(z.string()),
});

/** ms-swift's DPO columns: both conversations in full. */
export function msSwiftPreference(pair: Preference): z.infer<typeof msSwiftSchema> {
  const { system, tools, messages, images } = pair.chosen;
  const { prompt } = split(pair);
  return {
    messages: msSwiftMessages(system, messages),
    rejected_messages: msSwiftMessages(system, [...prompt, { ...pair.rejected, loss: true }]),
    ...toolsColumn(tools),
    images,
  };
}

/** @throws RowError */
export function readMsSwiftPreference(value: unknown): Preference {
  const row = parsed(msSwiftSchema, value, 'the row');
  const chosen = readMsSwiftMessages(row.messages);
  const other = readMsSwiftMessages(row.rejected_messages);
  const rejected = other.messages.at(-1);
  if (rejected?.role !== 'assistant')
    throw new RowError('the rejected conversation does not end with an answer');
  const before = (all: typeof other): string => jsonDumps([all.system, all.messages.slice(0, -1)]);
  if (before(chosen) !== before(other)) throw new RowError('the two answers have different prompts');
  return { chosen: { ...chosen, tools: readTools(row.tools), images: row.images }, rejected };
}

const llamaFactorySchema = z.strictObject({
  conversations: z.array(saidSchema),
  chosen: saidSchema,
  rejected: saidSchema,
  system: z.string(),
  tools: z.string(),
  images: z.array(z.string()),
});

/** LLaMA-Factory's ranking columns. */
export function llamaFactoryPreference(pair: Preference): z.infer<typeof llamaFactorySchema> {
  const { system, tools, images } = pair.chosen;
  const { prompt, answer } = split(pair);
  return {
    conversations: llamaFactoryMessages(prompt),
    chosen: llamaFactoryAnswer(answer),
    rejected: llamaFactoryAnswer(pair.rejected),
    system,
    tools: llamaFactoryTools(tools),
    images,
  };
}

/** @throws RowError */
export function readLlamaFactoryPreference(value: unknown): Preference {
  const row = parsed(llamaFactorySchema, value, 'the row');
  const prompt = readLlamaFactoryMessages(row.conversations);
  if (prompt.at(-1)?.role === 'assistant') throw new RowError('the prompt ends with an answer');
  return {
    chosen: {
      system: row.system,
      tools: readLlamaFactoryTools(row.tools),
      messages: [...prompt, readLlamaFactoryAnswer(row.chosen, true)],
      images: row.images,
    },
    rejected: readLlamaFactoryAnswer(row.rejected, true),
  };
}
