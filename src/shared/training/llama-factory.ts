import { z } from 'zod';
import type { FunctionTool } from '../tools/json-schema';
import { formatCall } from '../tools/prompt-text';
import {
  type Answer,
  answerText,
  type Conversation,
  type ConversationMessage,
  parsed,
  readCall,
  readThinkBlock,
  readTools,
  thinkBlock,
  toolsColumn,
} from './conversation';

export const saidSchema = z.strictObject({
  from: z.enum(['human', 'gpt', 'function_call', 'observation']),
  value: z.string(),
});
type Said = z.infer<typeof saidSchema>;

const rowSchema = z.strictObject({
  conversations: z.array(saidSchema),
  system: z.string(),
  tools: z.string(),
  images: z.array(z.string()),
});

/**
 * A ShareGPT row for LLaMA-Factory. It knows no loss flag for an answer: each answer to learn is the last one of a row
 * of its own (see `oneAnswerEach`), to be trained with `mask_history: true`.
 */
export type LlamaFactoryRow = z.infer<typeof rowSchema>;

/** What LLaMA-Factory's dataset_info.json says of the columns. */
export const llamaFactoryColumns = {
  columns: { messages: 'conversations', images: 'images', system: 'system', tools: 'tools' },
  tags: {
    role_tag: 'from',
    content_tag: 'value',
    user_tag: 'human',
    assistant_tag: 'gpt',
    observation_tag: 'observation',
    function_tag: 'function_call',
  },
} as const;

export function llamaFactoryAnswer(answer: Answer): Said {
  if (answer.call === null) return { from: 'gpt', value: answerText(answer) };
  return { from: 'function_call', value: `${thinkBlock(answer.thought)}${formatCall(answer.call)}` };
}

export function llamaFactoryMessages(messages: readonly ConversationMessage[]): Said[] {
  return messages.map((message) => {
    if (message.role === 'assistant') return llamaFactoryAnswer(message);
    return { from: message.role === 'tool' ? 'observation' : 'human', value: message.text };
  });
}

/** Its columns are named once for the whole file, so that one without tools is there, and empty. */
export function llamaFactoryTools(tools: readonly FunctionTool[]): string {
  return toolsColumn(tools).tools ?? '';
}

/** @throws RowError */
export function readLlamaFactoryTools(text: string): FunctionTool[] {
  return readTools(text === '' ? undefined : text);
}

export function llamaFactoryRow({ system, tools, messages, images }: Conversation): LlamaFactoryRow {
  return { conversations: llamaFactoryMessages(messages), system, tools: llamaFactoryTools(tools), images };
}

/** @throws RowError when it is no such row */
export function readLlamaFactoryRow(value: unknown): Conversation {
  const { conversations, system, tools, images } = parsed(rowSchema, value, 'the row');
  return {
    system,
    tools: readLlamaFactoryTools(tools),
    messages: readLlamaFactoryMessages(conversations),
    images,
  };
}

/** The last answer is under loss. @throws RowError */
export function readLlamaFactoryMessages(conversations: readonly Said[]): ConversationMessage[] {
  return conversations.map((said, index) =>
    said.from === 'human' || said.from === 'observation'
      ? { role: said.from === 'human' ? 'user' : 'tool', text: said.value }
      : readLlamaFactoryAnswer(said, index === conversations.length - 1),
  );
}

/** @throws RowError */
export function readLlamaFactoryAnswer({ from, value }: Said, loss: boolean): Answer {
  if (from !== 'function_call') return { role: 'assistant', thought: value, call: null, loss };
  const begin = value.lastIndexOf('\n{"name": ') + 1;
  return {
    role: 'assistant',
    thought: readThinkBlock(value.slice(0, begin)),
    call: readCall(value.slice(begin)),
    loss,
  };
}
