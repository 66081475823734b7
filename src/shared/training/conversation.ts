import { z } from 'zod';
import { type RawCall, rawCallSchema, toolCallSchema, toolNameSchema } from '../tools/definitions';
import type { FunctionTool } from '../tools/json-schema';
import { formatCall, jsonDumps } from '../tools/prompt-text';
import { briefSystemText } from '../tools/system-text';

/**
 * One training row before an engine gives it its form: the very conversation that a policy has, with the answers to
 * learn. Texts are final; nothing in them acts as a control token or an image mark but what is meant to.
 */
export interface Conversation {
  system: string;
  /** Those that the prompt names; a brief prompt names none. */
  tools: FunctionTool[];
  /** The query first, then answers and observations in turn; the last is an answer. */
  messages: ConversationMessage[];
  /** Relative paths, in the order of the marks in the messages. */
  images: string[];
}

export type ConversationMessage = Asked | Answer;

/** The query (`user`) or an observation (`tool`): an image mark and a line break where it has an image, then text. */
export interface Asked {
  role: 'user' | 'tool';
  text: string;
}

export interface Answer {
  role: 'assistant';
  /** With a call: the thought, empty when there is none. Without one: the whole text as it came. */
  thought: string;
  call: RawCall | null;
  /** Whether training imitates it. */
  loss: boolean;
}

/** Where engines put an image. */
export const imageMark = '<image>';

export function imageMarks(text: string): number {
  return text.split(imageMark).length - 1;
}

/** The think block of an answer with a call, with the blank line behind it; empty without a thought. */
export function thinkBlock(thought: string): string {
  return thought === '' ? '' : `<think>\n${thought}\n</think>\n\n`;
}

/** What the model writes: the same text as in a running prompt. */
export function answerText({ thought, call }: Answer): string {
  return call === null ? thought : `${thinkBlock(thought)}<tool_call>\n${formatCall(call)}\n</tool_call>`;
}

/** The rows that an engine without a loss flag for each answer needs: one for each answer to learn, which comes last. */
export function oneAnswerEach(conversation: Conversation): Conversation[] {
  return conversation.messages.flatMap((message, index) => {
    if (message.role !== 'assistant' || !message.loss) return [];
    const messages = conversation.messages
      .slice(0, index + 1)
      .map((earlier, at) => (earlier.role === 'assistant' ? { ...earlier, loss: at === index } : earlier));
    return [{ ...conversation, messages, images: conversation.images.slice(0, marksOf(messages)) }];
  });
}

export function marksOf(messages: readonly ConversationMessage[]): number {
  return messages.reduce(
    (sum, message) => sum + (message.role === 'assistant' ? 0 : imageMarks(message.text)),
    0,
  );
}

/** What a row must fulfil whatever the engine; the reasons why it does not. */
export function conversationProblems({ system, tools, messages, images }: Conversation): string[] {
  const problems: string[] = [];
  if (system.trim() === '') problems.push('the system text is empty');
  if (!offersTools({ system, tools })) problems.push('no tool is offered');
  for (const [index, message] of messages.entries()) {
    const expected = index === 0 ? 'user' : index % 2 === 1 ? 'assistant' : 'tool';
    if (message.role !== expected) {
      problems.push(`message ${index + 1} is of ${message.role} where ${expected} speaks`);
    }
    if (message.role === 'assistant') problems.push(...answerProblems(message, index));
    else if (
      imageMarks(message.text) > 0 &&
      (!message.text.startsWith(`${imageMark}\n`) || imageMarks(message.text) > 1)
    ) {
      problems.push(`message ${index + 1} has an image mark that does not stand at its beginning`);
    }
  }
  const last = messages.at(-1);
  if (last?.role !== 'assistant' || !last.loss) problems.push('the last message is no answer under loss');
  const marks = marksOf(messages);
  if (marks !== images.length) problems.push(`there are ${marks} image marks and ${images.length} images`);
  return problems;
}

/** A brief prompt names no tools; any other has to. */
export function offersTools({ system, tools }: Pick<Conversation, 'system' | 'tools'>): boolean {
  return tools.length > 0 || system === briefSystemText;
}

function answerProblems(answer: Answer, index: number): string[] {
  const problems: string[] = [];
  const text = answerText(answer);
  if (imageMarks(text) > 0) problems.push(`message ${index + 1} is an answer with an image mark`);
  if (text === '') problems.push(`message ${index + 1} is empty`);
  if (!answer.loss) return problems;
  const call = toolCallSchema.safeParse(answer.call);
  if (!call.success) {
    const why = answer.call === null ? 'it holds no call' : (call.error.issues[0]?.message ?? 'unknown');
    problems.push(`message ${index + 1} is under loss and is no valid call: ${why}`);
  }
  return problems;
}

const argumentSchema = z.strictObject({
  type: z.enum(['integer', 'string']),
  description: z.string(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  enum: z.array(z.string()).optional(),
});

const toolsSchema: z.ZodType<FunctionTool[]> = z
  .array(
    z.strictObject({
      type: z.literal('function'),
      function: z.strictObject({
        name: toolNameSchema,
        description: z.string().min(1),
        parameters: z.strictObject({
          type: z.literal('object'),
          properties: z.record(z.string(), argumentSchema),
          required: z.array(z.string()),
        }),
      }),
    }),
  )
  .min(1);

/** A row of a file that is not what its engine takes. */
export class RowError extends Error {}

/** @throws RowError that says what is wrong */
export function parsed<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const place = issue && issue.path.length > 0 ? ` at ${issue.path.join('.')}` : '';
  throw new RowError(`${what} is not as it should be${place}: ${issue?.message ?? 'unknown'}`);
}

/** JSON of a text column. @throws RowError */
export function parsedJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RowError(`${what} is no JSON`);
  }
}

/** The `tools` column: JSON as text; there is none where the prompt names no tools. */
export function toolsColumn(tools: readonly FunctionTool[]): { tools?: string } {
  return tools.length === 0 ? {} : { tools: jsonDumps(tools) };
}

/** Of a row without the column: none. @throws RowError */
export function readTools(text: string | undefined): FunctionTool[] {
  return text === undefined ? [] : parsed(toolsSchema, parsedJson(text, 'tools'), 'tools');
}

/** A call as JSON text, exactly one. @throws RowError */
export function readCall(text: string): RawCall {
  const call = parsed(rawCallSchema.strict(), parsedJson(text, 'a call'), 'a call');
  if (formatCall(call) !== text) throw new RowError('a call is not in the form that the prompt has');
  return call;
}

/** The thought of a think block, as {@link thinkBlock} writes it. @throws RowError */
export function readThinkBlock(text: string): string {
  if (text === '') return '';
  const thought = /^<think>\n([\s\S]+)\n<\/think>\n\n$/.exec(text)?.[1];
  if (thought === undefined || thought.includes('</think>'))
    throw new RowError('a thought is not in a think block');
  return thought;
}

/** The answer that a text is: a call in the Hermes form, else the text as it came. */
export function readAnswer(text: string, loss: boolean): Answer {
  const call = /^((?:<think>\n[\s\S]+\n<\/think>\n\n)?)<tool_call>\n([^\n]*)\n<\/tool_call>$/.exec(text);
  const asItCame: Answer = { role: 'assistant', thought: text, call: null, loss };
  if (!call) return asItCame;
  try {
    return { role: 'assistant', thought: readThinkBlock(call[1] ?? ''), call: readCall(call[2] ?? ''), loss };
  } catch {
    return asItCame;
  }
}
