import { z } from 'zod';
import { rawCallSchema } from '../tools/definitions';
import { formatCall, jsonDumps } from '../tools/prompt-text';
import {
  type Answer,
  type Conversation,
  type ConversationMessage,
  parsed,
  parsedJson,
  RowError,
  readTools,
  toolsColumn,
} from './conversation';

const answerSchema = z.strictObject({
  role: z.literal('assistant'),
  content: z.string(),
  tool_calls: z
    .array(z.strictObject({ type: z.literal('function'), function: rawCallSchema.strict() }))
    .length(1)
    .optional(),
  loss: z.boolean(),
});

const messageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('user'), content: z.string() }),
  z.strictObject({ role: z.literal('tool'), content: z.string() }),
  answerSchema,
]);
type TrlMessage = z.infer<typeof messageSchema>;

const rowSchema = z.strictObject({
  messages: z.string(),
  tools: z.string().optional(),
  images: z.array(z.string()),
});

/**
 * A row for TRL with a collator (training/trl/rows.py). Messages and tools are JSON as text, because Arrow would
 * give every message and every call the members of all others, as nulls.
 */
export type TrlRow = z.infer<typeof rowSchema>;

/** The template puts one line break between content and call, so that one of the two after a think block is its. */
export function trlAnswer({ thought, call, loss }: Answer): TrlMessage {
  if (call === null) return { role: 'assistant', content: thought, loss };
  const content = thought === '' ? '' : `<think>\n${thought}\n</think>\n`;
  // In the order of the prompt, which `tojson` keeps.
  const ordered = rawCallSchema.parse(JSON.parse(formatCall(call)));
  return { role: 'assistant', content, tool_calls: [{ type: 'function', function: ordered }], loss };
}

export function trlMessages(system: string, messages: readonly ConversationMessage[]): TrlMessage[] {
  return [
    { role: 'system', content: system },
    ...messages.map(
      (message): TrlMessage =>
        message.role === 'assistant' ? trlAnswer(message) : { role: message.role, content: message.text },
    ),
  ];
}

export function trlRow({ system, tools, messages, images }: Conversation): TrlRow {
  return { messages: jsonDumps(trlMessages(system, messages)), ...toolsColumn(tools), images };
}

/** @throws RowError when it is no such row */
export function readTrlRow(value: unknown): Conversation {
  const { messages, tools, images } = parsed(rowSchema, value, 'the row');
  return { ...readTrlMessages(messages), tools: readTools(tools), images };
}

/** @throws RowError */
export function readTrlMessages(text: string): Pick<Conversation, 'system' | 'messages'> {
  const [first, ...rest] = parsed(z.array(messageSchema), parsedJson(text, 'messages'), 'messages');
  if (first?.role !== 'system') throw new RowError('the first message is not of system');
  return {
    system: first.content,
    messages: rest.map((message): ConversationMessage => {
      if (message.role === 'system') throw new RowError('system speaks twice');
      if (message.role === 'assistant') return readTrlAnswer(message);
      return { role: message.role, text: message.content };
    }),
  };
}

/** @throws RowError */
export function readTrlAnswer(value: unknown): Answer {
  const { content, tool_calls: calls, loss } = parsed(answerSchema, value, 'an answer');
  const call = calls?.[0]?.function;
  if (call === undefined) return { role: 'assistant', thought: content, call: null, loss };
  const thought = content === '' ? '' : /^<think>\n([\s\S]+)\n<\/think>\n$/.exec(content)?.[1];
  if (thought === undefined || thought.includes('</think>'))
    throw new RowError('a thought is not in a think block');
  return { role: 'assistant', thought, call, loss };
}
