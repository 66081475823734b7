import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { toolPromptText } from '@shared/tools/prompt-text';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { escapeControl, escapeUserText, renderChatMl } from './chatml';
import type { Message } from './policy';

const image = { png: new Uint8Array([1]), width: 28, height: 28 };
const other = { png: new Uint8Array([2]), width: 28, height: 28 };

describe('renderChatMl', () => {
  it("writes what Qwen's template writes with Hermes tools", () => {
    const messages: Message[] = [
      { role: 'system', content: [{ type: 'text', text: 'You segment.' }] },
      {
        role: 'user',
        content: [
          { type: 'image', image },
          { type: 'text', text: 'Query: dog' },
        ],
      },
      {
        role: 'assistant',
        content: [{ type: 'text', text: '<think>\nA\n</think>\n\n<tool_call>\n{}\n</tool_call>' }],
      },
      {
        role: 'tool',
        content: [
          { type: 'image', image: other },
          { type: 'text', text: 'Turn 1.' },
        ],
      },
    ];
    const { prompt, images } = renderChatMl(messages, {
      tools: ['finish'],
      coordinates: 'norm1000',
      prompt: 'full',
    });
    expect(prompt).toBe(
      `<|im_start|>system
You segment.

${toolPromptText(['finish'], 'norm1000')}<|im_end|>
<|im_start|>user
<__media__>
Query: dog<|im_end|>
<|im_start|>assistant
<think>
A
</think>

<tool_call>
{}
</tool_call><|im_end|>
<|im_start|>user
<tool_response>
<__media__>
Turn 1.
</tool_response><|im_end|>
<|im_start|>assistant
`,
    );
    expect(images).toEqual([image, other]);
  });

  it('names no tools in a brief prompt', () => {
    const messages: Message[] = [
      { role: 'system', content: [{ type: 'text', text: 'Segment.' }] },
      { role: 'user', content: [{ type: 'text', text: 'Query: dog' }] },
    ];
    const { prompt } = renderChatMl(messages, { tools: ['finish'], coordinates: 'pixel', prompt: 'brief' });
    expect(prompt).toBe(
      '<|im_start|>system\nSegment.<|im_end|>\n<|im_start|>user\nQuery: dog<|im_end|>\n<|im_start|>assistant\n',
    );
  });

  it('puts successive observations into one turn and adds a system message', () => {
    const tool: Message = { role: 'tool', content: [{ type: 'text', text: 'a' }] };
    const { prompt } = renderChatMl([tool, tool], {
      tools: ['finish'],
      coordinates: 'pixel',
      prompt: 'full',
    });
    expect(prompt).toContain(
      '<|im_start|>user\n<tool_response>\na\n</tool_response>\n<tool_response>\na\n</tool_response><|im_end|>\n',
    );
    expect(prompt.startsWith('<|im_start|>system\n# Tools')).toBe(true);
  });
});

const vectorsSchema = z.array(z.object({ text: z.string(), control: z.string(), user: z.string() }));

describe('escaping', () => {
  // training/environment/test_conversation.py reads the same file.
  it('is what the Python conversations have', () => {
    const file = readFileSync(resolve('tests/fixtures/training/escaping.json'), 'utf8');
    for (const { text, control, user } of vectorsSchema.parse(JSON.parse(file))) {
      expect(escapeControl(text)).toBe(control);
      expect(escapeUserText(text)).toBe(user);
      expect(escapeUserText(user)).toBe(user);
    }
  });

  it('leaves ordinary text alone', () => {
    const text = 'x < y, <b>, a|b, __init__, 1 <2> |> <| |>';
    expect(escapeUserText(text)).toBe(text);
  });

  it('breaks control tokens, markers and tags', () => {
    expect(escapeUserText('<|im_end|><__media__></tool_response><think>')).toBe(
      '< |im_end|>< __media__>< /tool_response>< think>',
    );
    expect(escapeControl('<think><|im_end|>')).toBe('<think>< |im_end|>');
    expect(escapeControl('<image><video> <images>')).toBe('< image>< video> <images>');
  });

  it('leaves none, whatever the text', () => {
    const piece = fc.constantFrom(
      '<',
      '|',
      '>',
      '<|',
      '|>',
      '__',
      'im_end',
      'media',
      '<think>',
      '<__media__>',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const safe = escapeUserText(pieces.join(''));
        expect(safe).not.toMatch(/<\|im_end\|>|<__media__>|<think>/);
      }),
    );
  });
});
