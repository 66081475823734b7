import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LlamaNodeRuntime } from '@engine/models/llama-node-runtime';
import { checkVisionModel } from '@engine/models/model-files';
import { nodeModelChild } from '@engine/models/node-model-child';
import type { VisionCompletion } from '@engine/models/vision-runtime';
import { type OfferedTools, renderChatMl } from '@engine/policies/chatml';
import type { Message, PngImage } from '@engine/policies/policy';
import { type LlamaContextWrapper, loadModel } from '@fugood/llama.node';
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
      /** The first places of the answer: the text before, and the likeliest tokens there. */
      places: z.array(
        z.object({
          before: z.string(),
          likeliest: z.array(z.object({ text: z.string(), logProbability: z.number() })),
        }),
      ),
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

function readGreedy(): z.infer<typeof greedySchema> {
  return greedySchema.parse(JSON.parse(readFileSync(join(folder, 'greedy.json'), 'utf8')));
}

/** Adds to FOLDER/parity.json, which the first comparison begins. */
function report(facts: Record<string, unknown>): void {
  Object.assign(reported, facts);
  writeFileSync(join(folder, 'parity.json'), `${JSON.stringify(reported, null, 2)}\n`);
}
const reported: Record<string, unknown> = {};

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

/** Tokens that are asked for at a place: more than transformers tells, whose last may stand a little lower here. */
const tokensAsked = 100;
/**
 * Of a log-probability. llama.cpp keeps keys and values as float16, whose error grows with the logits: tokens far below the
 * likeliest one may differ by 1 % more.
 */
const tolerance = (logProbability: number): number => 0.05 + 0.01 * Math.abs(logProbability);

/** How likely each token is behind a prompt, by its text. */
async function logProbabilities(
  context: LlamaContextWrapper,
  prompt: string,
  images: readonly PngImage[],
): Promise<Map<string, number>> {
  const urls = images.map(({ png }) => `data:image/png;base64,${Buffer.from(png).toString('base64')}`);
  const media = urls.length > 0 ? { media_paths: urls } : {};
  // The native side is done a little after it has answered; a completion that begins before is refused for good, or ends
  // the process. On a very busy machine this may still be too soon: then the caller opens the model anew.
  await setTimeout(100);
  await context.tokenize(prompt, media);
  const result = await context.completion({
    prompt,
    ...media,
    n_predict: 1,
    n_probs: tokensAsked,
    // The runtime tells probabilities as they are sampled: these settings leave them alone.
    temperature: 1,
    top_k: 0,
    top_p: 1,
    min_p: 0,
    xtc_probability: 0,
    seed: 0,
  });
  // It has those of the completions before, too.
  const last = result.completion_probabilities?.at(-1);
  return new Map(last?.probs.map(({ tok_str, prob }) => [tok_str, Math.log(prob)]));
}

describe.skipIf(folder === '')('a converted checkpoint', () => {
  let childFile = '';
  let offered: OfferedTools;
  let runtime: LlamaNodeRuntime;

  beforeAll(async () => {
    childFile = await bundleModelChild();
    const { conventions } = await checkVisionModel(
      join(folder, 'model.gguf'),
      join(folder, 'model-mmproj.gguf'),
    );
    offered = { tools: toolNames, coordinates: 'pixel', prompt: 'full', ...conventions };
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
    const { maxTokens, answers } = readGreedy();
    const compared: Comparison[] = [];
    for (const answer of answers) {
      const { prompt, images } = renderChatMl(await messagesOf(answer), offered);
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
    report({ ...summary, compared });
    console.log(JSON.stringify(summary));
    expect(summary.prompts).toBeGreaterThan(0);
    expect(summary.samePromptTokens).toBe(summary.prompts);
    // Rounding decides between tokens that are equally likely to the last digits; nothing else may differ.
    expect(compared.filter(({ same, leastMargin }) => !same && leastMargin > 1e-3)).toEqual([]);
  });

  it('takes the same tokens for as likely as transformers at the first places of each answer', {
    timeout: 3_600_000,
  }, async () => {
    // Two copies of a large model would need twice the memory.
    await runtime.close();
    const { answers } = readGreedy();
    const [model, mmproj] = [join(folder, 'model.gguf'), join(folder, 'model-mmproj.gguf')];
    const open = async (): Promise<LlamaContextWrapper> => {
      const opened = await loadModel({ model, n_ctx: 8192, n_gpu_layers: 0, n_threads: 1, ctx_shift: false });
      expect(opened.initMultimodal({ path: mmproj, use_gpu: false })).toBe(true);
      return opened;
    };
    let context = await open();
    const differences: number[] = [];
    const missing: string[] = [];
    const apart: string[] = [];
    let places = 0;
    for (const answer of answers) {
      const { prompt, images } = renderChatMl(await messagesOf(answer), offered);
      for (const { before, likeliest } of answer.places) {
        const ask = (): Promise<Map<string, number>> =>
          logProbabilities(context, `${prompt}${before}`, images);
        const here = await ask().catch(async (error: unknown) => {
          if (!String(error).includes('Another completion is in progress')) throw error;
          context = await open();
          return ask();
        });
        places++;
        for (const { text, logProbability } of likeliest) {
          const found = here.get(text);
          if (found === undefined) missing.push(text);
          else {
            const difference = Math.abs(found - logProbability);
            differences.push(difference);
            if (difference > tolerance(logProbability)) apart.push(`${text}: ${found}, ${logProbability}`);
          }
        }
      }
    }
    await context.release();
    const logProbabilitiesCompared = {
      places,
      tokens: differences.length,
      missing: missing.length,
      largestDifference: Math.max(...differences),
      meanDifference: differences.reduce((sum, each) => sum + each, 0) / differences.length,
    };
    report({ logProbabilities: logProbabilitiesCompared });
    console.log(JSON.stringify(logProbabilitiesCompared));
    expect(places).toBeGreaterThan(0);
    expect(missing).toEqual([]);
    expect(apart).toEqual([]);
  });
});
