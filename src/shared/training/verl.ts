import { z } from 'zod';
import type { FunctionTool } from '../tools/json-schema';
import { toolSection } from '../tools/prompt-text';
import { briefSystemText } from '../tools/system-text';
import {
  answerText,
  type Conversation,
  type ConversationMessage,
  parsed,
  RowError,
  readAnswer,
  readTools,
} from './conversation';

const rowSchema = z.strictObject({
  messages: z.array(z.strictObject({ role: z.enum(['system', 'user', 'assistant']), content: z.string() })),
  images: z.array(z.strictObject({ image: z.string() })),
});

/**
 * A row of verl's MultiTurnSFTDataset. Its Parquet columns would blend the members of all tools and calls, and it trains
 * every assistant message. So tools, calls and observations are text, just as the chat templates write them; and an answer
 * that is not to be learned is written, with its turn's marks, into the text of the message before it.
 */
export type VerlRow = z.infer<typeof rowSchema>;
type VerlMessage = VerlRow['messages'][number];

const toAssistant = '<|im_end|>\n<|im_start|>assistant\n';
const toUser = '<|im_end|>\n<|im_start|>user\n';
const open = '<tool_response>\n';
const close = '\n</tool_response>';

/** The system text with the tools section, where there are any, as Qwen's chat templates write it. */
export function verlSystem(system: string, tools: readonly FunctionTool[]): string {
  return tools.length === 0 ? system : `${system}\n\n${toolSection(tools)}`;
}

const [sectionBefore = '', sectionAfter = ''] = toolSection([])
  .split('<tools>\n\n</tools>')
  .map((part, index) => (index === 0 ? `${part}<tools>\n` : `\n</tools>${part}`));

export function verlMessages(messages: readonly ConversationMessage[]): VerlMessage[] {
  const rows: VerlMessage[] = [];
  let asked = '';
  for (const message of messages) {
    if (message.role !== 'assistant') {
      asked += message.role === 'tool' ? `${open}${message.text}${close}` : message.text;
    } else if (message.loss) {
      rows.push({ role: 'user', content: asked }, { role: 'assistant', content: answerText(message) });
      asked = '';
    } else asked += `${toAssistant}${answerText(message)}${toUser}`;
  }
  if (asked !== '') rows.push({ role: 'user', content: asked });
  return rows;
}

export function verlRow({ system, tools, messages, images }: Conversation): VerlRow {
  return {
    messages: [{ role: 'system', content: verlSystem(system, tools) }, ...verlMessages(messages)],
    images: images.map((image) => ({ image })),
  };
}

/** @throws RowError when it is no such row */
export function readVerlRow(value: unknown): Conversation {
  const { messages, images } = parsed(rowSchema, value, 'the row');
  const [first, ...rest] = messages;
  if (first?.role !== 'system') throw new RowError('the first message is not of system');
  return {
    ...readVerlSystem(first.content),
    messages: readVerlMessages(rest),
    images: images.map(({ image }) => image),
  };
}

/** @throws RowError */
export function readVerlSystem(text: string): Pick<Conversation, 'system' | 'tools'> {
  if (text === briefSystemText) return { system: text, tools: [] };
  const begin = text.indexOf(`\n\n${sectionBefore}`);
  if (begin < 0 || !text.endsWith(sectionAfter)) throw new RowError('the system text has no tools section');
  const lines = text.slice(begin + 2 + sectionBefore.length, -sectionAfter.length).split('\n');
  return { system: text.slice(0, begin), tools: readTools(`[${lines.join(', ')}]`) };
}

/** @throws RowError */
export function readVerlMessages(rows: readonly VerlMessage[]): ConversationMessage[] {
  return rows.flatMap((row, index) => {
    const expected = index % 2 === 0 ? 'user' : 'assistant';
    if (row.role !== expected)
      throw new RowError(`message ${index + 2} is of ${row.role} where ${expected} speaks`);
    return row.role === 'assistant' ? [readAnswer(row.content, true)] : readAsked(row.content);
  });
}

/** A user message with the answers that were folded into it. */
function readAsked(content: string): ConversationMessage[] {
  return content.split(toUser).flatMap((part) => {
    const [asked = '', answer, ...more] = part.split(toAssistant);
    if (more.length > 0) throw new RowError('two answers follow each other');
    const isTool = asked.startsWith(open);
    if (isTool && !asked.endsWith(close)) throw new RowError('an observation is not closed');
    const text = isTool ? asked.slice(open.length, -close.length) : asked;
    const first: ConversationMessage = { role: isTool ? 'tool' : 'user', text };
    return answer === undefined ? [first] : [first, readAnswer(answer, false)];
  });
}
