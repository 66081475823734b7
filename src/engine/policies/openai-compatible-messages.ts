import { parseTurn } from '@shared/tools/parse';
import { jsonDumps } from '@shared/tools/prompt-text';
import {
  escapeControl,
  escapeUserText,
  type OfferedTools,
  withImageBreaks,
  withToolsInSystem,
} from './chatml';
import type { Message, MessagePart, PngImage } from './policy';

type ContentPart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };

interface NativeCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}

export interface ChatMessage {
  role: Message['role'];
  content: string | ContentPart[] | null;
  tool_calls?: NativeCall[];
  tool_call_id?: string;
}

function imageUrl({ png }: PngImage): string {
  return `data:image/png;base64,${Buffer.from(png.buffer, png.byteOffset, png.byteLength).toString('base64')}`;
}

/** Plain text where there is no image, because some servers take nothing else for some roles. */
function contentOf(parts: readonly MessagePart[], safe: (text: string) => string): string | ContentPart[] {
  const all = withImageBreaks(parts);
  if (all.every((part) => part.type === 'text')) {
    return all.map((part) => (part.type === 'text' ? safe(part.text) : '')).join('');
  }
  return all.map((part) =>
    part.type === 'text'
      ? { type: 'text', text: safe(part.text) }
      : { type: 'image_url', image_url: { url: imageUrl(part.image) } },
  );
}

function safeFor(role: Message['role']): (text: string) => string {
  return role === 'system' || role === 'assistant' ? escapeControl : escapeUserText;
}

/** An observation as the chat template writes it, so that role `user` gives the same tokens as role `tool`. */
function wrapped(parts: readonly MessagePart[]): string | ContentPart[] {
  const inner = contentOf(parts, escapeUserText);
  const [open, close] = ['<tool_response>\n', '\n</tool_response>'];
  if (typeof inner === 'string') return `${open}${inner}${close}`;
  return [{ type: 'text', text: open }, ...inner, { type: 'text', text: close }];
}

/**
 * The conversation with tools and calls as text. Through Qwen's templates, which print user and assistant text
 * as it is, this is the very prompt that training exports and the local policy have, whatever the server
 * makes of tools.
 */
export function hermesMessages(messages: readonly Message[], offered: OfferedTools): ChatMessage[] {
  return plainMessages(withToolsInSystem(messages, offered));
}

/** The conversation as it is, without tools. */
export function plainMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.map(({ role, content }) =>
    role === 'tool'
      ? { role: 'user', content: wrapped(content) }
      : { role, content: contentOf(content, safeFor(role)) },
  );
}

/**
 * The conversation with native calls. An observation's text answers the call; its image follows in a user
 * message, because OpenAI's API takes images from users only.
 */
export function nativeMessages(messages: readonly Message[]): ChatMessage[] {
  const result: ChatMessage[] = [];
  let openCall: string | null = null;
  for (const { role, content } of messages) {
    if (role === 'assistant') {
      const text = content.map((part) => (part.type === 'text' ? part.text : '')).join('');
      const { thought, call } = parseTurn(text);
      openCall = call ? `call_${result.length}` : null;
      if (!call || openCall === null) result.push({ role, content: escapeControl(text) });
      else {
        const native = { name: call.name, arguments: jsonDumps(call.arguments) };
        result.push({
          role,
          content: escapeControl(thought),
          tool_calls: [{ id: openCall, type: 'function', function: native }],
        });
      }
    } else if (role === 'tool') {
      const texts = content.filter((part) => part.type === 'text');
      const images = content.filter((part) => part.type === 'image');
      const text = contentOf(texts, escapeUserText);
      if (openCall === null) result.push({ role: 'user', content: contentOf(content, escapeUserText) });
      else {
        result.push({ role: 'tool', tool_call_id: openCall, content: text });
        if (images.length > 0) {
          const caption: MessagePart = { type: 'text', text: 'The view after this call.' };
          result.push({ role: 'user', content: contentOf([...images, caption], escapeUserText) });
        }
      }
      openCall = null;
    } else result.push({ role, content: contentOf(content, safeFor(role)) });
  }
  return result;
}
