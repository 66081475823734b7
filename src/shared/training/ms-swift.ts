import { z } from 'zod';
import { formatCall } from '../tools/prompt-text';
import {
  type Answer,
  answerText,
  type Conversation,
  type ConversationMessage,
  parsed,
  RowError,
  readCall,
  readThinkBlock,
  readTools,
  thinkBlock,
  toolsColumn,
} from './conversation';

export const msSwiftMessageSchema = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('user'), content: z.string() }),
  z.strictObject({ role: z.literal('tool_response'), content: z.string() }),
  z.strictObject({ role: z.literal('assistant'), content: z.string(), loss: z.boolean() }),
  z.strictObject({ role: z.literal('tool_call'), content: z.string(), loss: z.boolean() }),
]);

const rowSchema = z.strictObject({
  messages: z.array(msSwiftMessageSchema),
  tools: z.string().optional(),
  images: z.array(z.string()),
});

/**
 * A row of ms-swift's own form. A thought and the call after it are two messages with a loss flag each, and nothing is
 * put between them: the blank line is ours.
 */
export type MsSwiftRow = z.infer<typeof rowSchema>;
type MsSwiftMessage = MsSwiftRow['messages'][number];

/** An answer as ms-swift's messages. */
export function msSwiftAnswer(answer: Answer): MsSwiftMessage[] {
  const { thought, call, loss } = answer;
  if (call === null) return [{ role: 'assistant', content: answerText(answer), loss }];
  const said: MsSwiftMessage[] =
    thought === '' ? [] : [{ role: 'assistant', content: thinkBlock(thought), loss }];
  return [...said, { role: 'tool_call', content: formatCall(call), loss }];
}

export function msSwiftMessages(system: string, messages: readonly ConversationMessage[]): MsSwiftMessage[] {
  return [
    { role: 'system', content: system },
    ...messages.flatMap((message): MsSwiftMessage[] =>
      message.role === 'assistant'
        ? msSwiftAnswer(message)
        : [{ role: message.role === 'tool' ? 'tool_response' : 'user', content: message.text }],
    ),
  ];
}

export function msSwiftRow({ system, tools, messages, images }: Conversation): MsSwiftRow {
  return { messages: msSwiftMessages(system, messages), ...toolsColumn(tools), images };
}

/** @throws RowError when it is no such row */
export function readMsSwiftRow(value: unknown): Conversation {
  const { messages, tools, images } = parsed(rowSchema, value, 'the row');
  return { ...readMsSwiftMessages(messages), tools: readTools(tools), images };
}

/** @throws RowError */
export function readMsSwiftMessages(
  all: readonly MsSwiftMessage[],
): Pick<Conversation, 'system' | 'messages'> {
  const [first, ...rest] = all;
  if (first?.role !== 'system') throw new RowError('the first message is not of system');
  const messages: ConversationMessage[] = [];
  for (let index = 0; index < rest.length; index++) {
    const message = rest[index];
    const next = rest[index + 1];
    if (!message || message.role === 'system') throw new RowError('system speaks twice');
    if (message.role === 'assistant' && next?.role === 'tool_call') {
      if (message.loss !== next.loss) throw new RowError('a thought and its call differ in loss');
      messages.push({
        role: 'assistant',
        thought: readThinkBlock(message.content),
        call: readCall(next.content),
        loss: next.loss,
      });
      index += 1;
    } else if (message.role === 'tool_call') {
      messages.push({ role: 'assistant', thought: '', call: readCall(message.content), loss: message.loss });
    } else if (message.role === 'assistant') {
      messages.push({ role: 'assistant', thought: message.content, call: null, loss: message.loss });
    } else messages.push({ role: message.role === 'user' ? 'user' : 'tool', text: message.content });
  }
  return { system: first.content, messages };
}
