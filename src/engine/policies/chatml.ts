import { withToolSection } from '@shared/tools/prompt-text';
import { mediaMarker } from '../models/vision-runtime';
import type { Message, MessagePart, PngImage, PolicyInput } from './policy';

/** What of the tools a prompt holds. */
export type OfferedTools = Pick<PolicyInput, 'tools' | 'coordinates' | 'prompt'>;

/**
 * Names that a tokenizer or mtmd would take for control tokens or media, `<|…|>` and `<__…__>`, and the marks that
 * training engines put media at: the same text runs and is trained. training/environment/conversation.py has the same
 * rules.
 */
const controlNames = /<(?=\|[^<>\s]{0,64}\|>|__[^<>\s]{0,64}__>|(?:image|video|audio)>)/gu;
/** Tags of the Hermes form, which only assistant and system text may use. */
const hermesTags = /<(?=\/?(?:tool_call|tool_response|think|tools)>)/g;

/** Text in which nothing acts as a control token: a space goes after the `<` of each such name. */
export function escapeControl(text: string): string {
  return text.replace(controlNames, '< ');
}

/** As {@link escapeControl}, for text of people and tools, which may not open or close a turn's tags either. */
export function escapeUserText(text: string): string {
  return escapeControl(text).replace(hermesTags, '< ');
}

/**
 * The parts of a message as the training exports write them: an image, then a line break, then its text. An
 * image and the text after it are separated by exactly one line break.
 */
export function withImageBreaks(parts: readonly MessagePart[]): MessagePart[] {
  return parts.map((part, index) => {
    const before = parts[index - 1];
    if (part.type !== 'text' || before?.type !== 'image' || part.text.startsWith('\n')) return part;
    return { type: 'text', text: `\n${part.text}` };
  });
}

function textOf(parts: readonly MessagePart[]): string {
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

/**
 * Messages with the tools section in the system text (a system message is put first where there is none). A brief
 * prompt has none.
 */
export function withToolsInSystem(
  messages: readonly Message[],
  { tools, coordinates, prompt }: OfferedTools,
): readonly Message[] {
  if (prompt === 'brief') return messages;
  const [first, ...rest] = messages;
  const hasSystem = first?.role === 'system';
  const system = withToolSection(hasSystem ? textOf(first.content) : '', tools, coordinates);
  const others = hasSystem ? rest : messages;
  return [{ role: 'system', content: [{ type: 'text', text: system }] }, ...others];
}

export interface RenderedChat {
  prompt: string;
  /** In the order of their markers. */
  images: PngImage[];
}

/**
 * The chat as Qwen2.5-VL's and Qwen3-VL's templates write it with Hermes tools, up to the start of the
 * assistant's turn. Observations go into a user turn within `<tool_response>`, successive ones into one turn.
 * llama.cpp (mtmd) puts `<|vision_start|>` and `<|vision_end|>` around an image itself.
 */
export function renderChatMl(messages: readonly Message[], offered: OfferedTools): RenderedChat {
  const images: PngImage[] = [];
  const all = withToolsInSystem(messages, offered);
  let prompt = '';
  for (const [index, message] of all.entries()) {
    const isOurs = message.role === 'system' || message.role === 'assistant';
    const safe = isOurs ? escapeControl : escapeUserText;
    const text = withImageBreaks(message.content)
      .map((part) => {
        if (part.type === 'text') return safe(part.text);
        images.push(part.image);
        return mediaMarker;
      })
      .join('');
    if (message.role === 'tool') {
      if (all[index - 1]?.role !== 'tool') prompt += '<|im_start|>user';
      prompt += `\n<tool_response>\n${text}\n</tool_response>`;
      if (all[index + 1]?.role !== 'tool') prompt += '<|im_end|>\n';
    } else prompt += `<|im_start|>${message.role}\n${text}<|im_end|>\n`;
  }
  return { prompt: `${prompt}<|im_start|>assistant\n`, images };
}
