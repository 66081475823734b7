import { jsonDumps } from '@shared/tools/prompt-text';
import type { Usage } from '@shared/trajectory/schema';
import { z } from 'zod';
import { readServerError, type ServerError } from './openai-compatible-errors';

const toolCallSchema = z.object({
  index: z.number().int().nullish(),
  id: z.string().nullish(),
  function: z
    .object({
      name: z.string().nullish(),
      // Ollama's own clients send an object.
      arguments: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
    })
    .nullish(),
});

const contentPartSchema = z.object({
  type: z.string().nullish(),
  text: z.string().nullish(),
  thinking: z.union([z.string(), z.array(z.object({ text: z.string().nullish() }))]).nullish(),
});

const messageSchema = z.object({
  content: z.union([z.string(), z.array(contentPartSchema)]).nullish(),
  /** DeepSeek's name, used by llama-server and older vLLM; `reasoning` is OpenRouter's, Ollama's and newer vLLM's. */
  reasoning_content: z.string().nullish(),
  reasoning: z.string().nullish(),
  tool_calls: z.array(toolCallSchema).nullish(),
});

const usageSchema = z.object({
  prompt_tokens: z.number().nullish(),
  completion_tokens: z.number().nullish(),
  prompt_tokens_details: z.object({ cached_tokens: z.number().nullish() }).nullish(),
});

/** One whole answer or one streamed chunk of it: the same shape with `message` or `delta`. */
const bodySchema = z.object({
  choices: z
    .array(
      z.object({
        message: messageSchema.nullish(),
        delta: messageSchema.nullish(),
        finish_reason: z.string().nullish(),
      }),
    )
    .nullish(),
  usage: usageSchema.nullish(),
});

export type AnswerPiece =
  | { kind: 'ok'; hasText: boolean }
  | { kind: 'error'; error: ServerError }
  | { kind: 'rubbish' };

function argumentText(value: string | Record<string, unknown> | null | undefined): string {
  return typeof value === 'string' ? value : value ? jsonDumps(value) : '';
}

/**
 * Collects an answer, whole or streamed, into one text in the Hermes form: reasoning in a think block, content
 * as it is, native calls as `<tool_call>` blocks at the end. What is handed to `onText` adds up to `text`.
 */
export class AnswerCollector {
  text = '';
  usage: Usage = {};
  finishReason: string | null = null;
  /** Whether any chunk had the protocol's shape. */
  isProtocol = false;
  private isThinking = false;
  private readonly calls = new Map<number, { name: string; arguments: string }>();

  constructor(private readonly onText: (text: string) => void) {}

  /** Takes a parsed JSON body or chunk. */
  add(body: unknown): AnswerPiece {
    const parsed = bodySchema.safeParse(body);
    const error = readServerError(body);
    if (error && !(parsed.success && parsed.data.choices?.length)) return { kind: 'error', error };
    if (!parsed.success || (!parsed.data.choices && !parsed.data.usage)) return { kind: 'rubbish' };
    this.isProtocol = true;
    const { choices, usage } = parsed.data;
    if (usage) {
      this.usage = {
        promptTokens: countOf(usage.prompt_tokens),
        completionTokens: countOf(usage.completion_tokens),
        cachedTokens: countOf(usage.prompt_tokens_details?.cached_tokens),
      };
    }
    const choice = choices?.[0];
    const message = choice?.delta ?? choice?.message;
    const before = this.text.length + this.calls.size;
    if (message) this.addMessage(message);
    if (choice?.finish_reason) this.finishReason = choice.finish_reason;
    return {
      kind: 'ok',
      hasText: this.text.length + this.calls.size > before || Boolean(message?.tool_calls?.length),
    };
  }

  /** Closes what is open; call once after the last piece. */
  finish(): void {
    this.endThought();
    for (const [, call] of [...this.calls].sort(([a], [b]) => a - b)) {
      const lead = this.text === '' || this.text.endsWith('\n') ? '' : '\n';
      const given = call.arguments.trim() === '' ? '{}' : call.arguments;
      this.emit(
        `${lead}<tool_call>\n{"name": ${JSON.stringify(call.name)}, "arguments": ${given}}\n</tool_call>`,
      );
    }
    this.calls.clear();
  }

  private addMessage(message: z.infer<typeof messageSchema>): void {
    const reasoning = message.reasoning_content ?? message.reasoning;
    if (reasoning) this.addThought(reasoning);
    const parts = typeof message.content === 'string' ? [{ text: message.content }] : (message.content ?? []);
    for (const part of parts) {
      const thinking = 'thinking' in part ? part.thinking : null;
      if (typeof thinking === 'string') this.addThought(thinking);
      else if (thinking) for (const piece of thinking) this.addThought(piece.text ?? '');
      if (part.text) {
        this.endThought();
        this.emit(part.text);
      }
    }
    for (const [position, call] of (message.tool_calls ?? []).entries()) {
      const index = call.index ?? position;
      const known = this.calls.get(index) ?? { name: '', arguments: '' };
      known.name += call.function?.name ?? '';
      known.arguments += argumentText(call.function?.arguments);
      this.calls.set(index, known);
    }
  }

  private addThought(text: string): void {
    if (text === '') return;
    if (!this.isThinking) {
      this.emit('<think>\n');
      this.isThinking = true;
    }
    this.emit(text);
  }

  private endThought(): void {
    if (!this.isThinking) return;
    this.isThinking = false;
    this.emit('\n</think>\n\n');
  }

  private emit(text: string): void {
    this.text += text;
    this.onText(text);
  }
}

function countOf(value: number | null | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? Math.round(value) : undefined;
}
