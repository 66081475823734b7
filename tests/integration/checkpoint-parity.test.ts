import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LlamaNodeRuntime } from '@engine/models/llama-node-runtime';
import { nodeModelChild } from '@engine/models/node-model-child';
import type { VisionCompletion } from '@engine/models/vision-runtime';
import { renderChatMl } from '@engine/policies/chatml';
import type { Message, PngImage } from '@engine/policies/policy';
import { toolNames } from '@shared/tools/definitions';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bundleModelChild } from '../support/model-child-bundle';

/**
 * A trained checkpoint answers the same here as in transformers. Needs a folder with what training/convert made:
 * `model.gguf`, `model-mmproj.gguf` (float32) and `greedy.json`:
 *
 *   MASKWRIGHT_PARITY=FOLDER npx vitest run --project integration checkpoint-parity
 *
 * Writes FOLDER/parity.json.
 */
const folder = process.env.MASKWRIGHT_PARITY ?? '';

const partSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('image') }),
]);
const greedySchema = z.object({
  maxTokens: z.number().int(),
  answers: z.array(
    z.object({
      messages: z.array(
        z.object({ role: z.enum(['system', 'user', 'assistant', 'tool']), content: z.array(partSchema) }),
      ),
      images: z.array(z.string()),
      promptTokens: z.number().int(),
      tokens: z.array(z.number().int()),
      ended: z.boolean(),
      leastMargin: z.number(),
      text: z.string(),
    }),
  ),
});
type Answer = z.infer<typeof greedySchema>['answers'][number];

interface Comparison {
  same: boolean;
  samePromptTokens: boolean;
  /** Here and in transformers. */
  promptTokens: [number, number];
  images: number;
  leastMargin: number;
  /** The answers, where they differ. */
  here?: string;
  transformers?: string;
}

/** Any text: the runtime wants a grammar, and this one excludes nothing. */
const anything = 'root ::= [^\\x00]*\n';

async function pictureOf(path: string): Promise<PngImage> {
  const png = readFileSync(path);
  const { width, height } = await sharp(png).metadata();
  return { png, width, height };
}

async function messagesOf(answer: Answer): Promise<Message[]> {
  const pictures = await Promise.all(answer.images.map(pictureOf));
  return answer.messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => {
      if (part.type === 'text') return part;
      const image = pictures.shift();
      if (!image) throw new Error('There are fewer images than places for them');
      return { type: 'image', image };
    }),
  }));
}

describe.skipIf(folder === '')('a converted checkpoint', () => {
  let childFile = '';
  let runtime: LlamaNodeRuntime;

  beforeAll(async () => {
    childFile = await bundleModelChild();
    runtime = new LlamaNodeRuntime({
      model: join(folder, 'model.gguf'),
      mmproj: join(folder, 'model-mmproj.gguf'),
      spawnModelChild: () => nodeModelChild(childFile),
      contextSize: 8192,
      gpuLayers: 0,
      threads: 1,
    });
  });

  afterAll(async () => {
    await runtime.close();
    rmSync(dirname(childFile), { recursive: true, force: true });
  });

  it('gives the same greedy tokens as transformers for the app’s own prompts', {
    timeout: 3_600_000,
  }, async () => {
    const { maxTokens, answers } = greedySchema.parse(
      JSON.parse(readFileSync(join(folder, 'greedy.json'), 'utf8')),
    );
    const compared: Comparison[] = [];
    for (const answer of answers) {
      const { prompt, images } = renderChatMl(await messagesOf(answer), {
        tools: toolNames,
        coordinates: 'pixel',
        prompt: 'full',
      });
      const got: VisionCompletion = await runtime.complete({
        prompt,
        images,
        grammar: anything,
        maxTokens,
        temperature: 0,
        seed: 0,
      });
      compared.push({
        same: got.text === answer.text,
        samePromptTokens: got.promptTokens === answer.promptTokens,
        promptTokens: [got.promptTokens, answer.promptTokens],
        images: images.length,
        leastMargin: answer.leastMargin,
        ...(got.text === answer.text ? {} : { here: got.text, transformers: answer.text }),
      });
    }
    const count = (key: 'same' | 'samePromptTokens'): number => compared.filter((each) => each[key]).length;
    const summary = {
      prompts: compared.length,
      withSeveralImages: compared.filter(({ images }) => images > 1).length,
      same: count('same'),
      samePromptTokens: count('samePromptTokens'),
    };
    writeFileSync(join(folder, 'parity.json'), `${JSON.stringify({ ...summary, compared }, null, 2)}\n`);
    console.log(JSON.stringify(summary));
    expect(summary.prompts).toBeGreaterThan(0);
    expect(summary.samePromptTokens).toBe(summary.prompts);
    // Rounding decides between tokens that are equally likely to the last digits; nothing else may differ.
    expect(compared.filter(({ same, leastMargin }) => !same && leastMargin > 1e-3)).toEqual([]);
  });
});
