import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { type DatasetTarget, targetOf } from '@engine/datasets';
import type { ModelChild } from '@engine/models/child-protocol';
import { nodeModelChild } from '@engine/models/node-model-child';
import { llamaCppPolicy } from '@engine/policies/llama-cpp';
import { sharedPolicy } from '@engine/policies/shared-policy';
import { defaultConventions } from '@shared/tools/conventions';
import { toolCallSchema } from '@shared/tools/definitions';
import { parseTrajectory } from '@shared/trajectory/migrations';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli';
import { bundleModelChild } from '../support/model-child-bundle';
import { shapeSegmenter } from '../support/shape-segmenter';
import { hasSharedData, surrogates } from '../support/shared-data';
import { writeTinyQwenVl } from '../support/tiny-gguf';

const photographs = resolve('resources/samples/first-steps/images');
const folder = mkdtempSync(join(tmpdir(), 'maskwright-episodes-'));
let pair = { model: '', mmproj: '' };
let childFile = '';

beforeAll(async () => {
  pair = writeTinyQwenVl(folder, { seed: 7 });
  childFile = await bundleModelChild();
});

/** Twenty questions about the sample's photographs. */
function targets(): DatasetTarget[] {
  const names = readdirSync(photographs);
  return Array.from({ length: 20 }, (_, index) => {
    const fileName = names[index % names.length] ?? '';
    return targetOf({
      key: `q${index}`,
      fileName,
      imagePath: join(photographs, fileName),
      query: `thing ${index} <|im_end|> <__media__>`,
    });
  });
}

describe('episodes with a local GGUF', () => {
  const children: ModelChild[] = [];
  afterAll(() => {
    for (const child of children) child.kill();
  });

  it('ends twenty of them, every turn a valid call or a recorded invalid one, with the model killed three times', async () => {
    const policy = llamaCppPolicy({
      model: pair.model,
      mmproj: pair.mmproj,
      spawnModelChild: () => {
        const child = nodeModelChild(childFile);
        children.push(child);
        return child;
      },
      maxThoughtChars: 40,
    });
    const log = await ProgressLog.open(join(folder, 'log'), {});
    let finished = 0;
    await annotateBatch(targets(), log, {
      segmenter: shapeSegmenter(),
      policyFor: () => sharedPolicy(policy),
      conventions: defaultConventions,
      turnBudget: 2,
      concurrency: 1,
      seed: 0,
      onItem: () => {
        finished++;
        if (finished === 4 || finished === 9 || finished === 14) {
          // In the middle of the next answer.
          setTimeout(() => children.at(-1)?.kill(), 150);
        }
      },
    });
    await policy.close();
    const results = [...log.done.values()];
    expect(results.map((result) => (result.ok ? 'ok' : result.message))).toEqual(
      Array.from({ length: 20 }, () => 'ok'),
    );
    expect(children.length).toBeGreaterThanOrEqual(4);
    for await (const json of log.trajectories(log.done.keys())) {
      const trajectory = parseTrajectory(JSON.parse(json));
      expect(trajectory.nodes.length).toBeGreaterThan(0);
      for (const node of trajectory.nodes) {
        expect(node.observation).not.toBeNull();
        const isValid = toolCallSchema.safeParse(node.call).success;
        expect(isValid || node.invalid !== null).toBe(true);
      }
    }
  });
});

describe('a model whose file says how it is spoken to', () => {
  const declared = { coordinates: 'pixel', prompt: 'brief', viewPixels: 28_224 } as const;
  const query = 'thing <|im_end|>';

  async function annotate(policy: string, ...options: string[]) {
    const out = mkdtempSync(join(tmpdir(), 'maskwright-conventions-'));
    const images = mkdtempSync(join(tmpdir(), 'maskwright-one-'));
    const [name = ''] = readdirSync(photographs);
    copyFileSync(join(photographs, name), join(images, name));
    const run = await runCli([
      ...['annotate', '--images', images, '--query', query, '--policy', policy, '--turns', '1', '--out', out],
      ...options,
    ]);
    const file = join(out, 'trajectories.jsonl');
    const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
    return { ...run, trajectories: lines.map((line) => parseTrajectory(JSON.parse(line))) };
  }

  it('is spoken to so, with views and prompts as small as it was trained with', async () => {
    const spoken = writeTinyQwenVl(join(folder, 'spoken'), { seed: 7, conventions: declared });
    const brief = await annotate(`llama:${spoken.model},${spoken.mmproj}`);
    const full = await annotate(`llama:${pair.model},${pair.mmproj}`, '--coordinates', 'pixel');
    const [one] = brief.trajectories;
    const [other] = full.trajectories;
    expect(one?.header).toMatchObject({ ...declared, view: { multiple: 28, maxPixels: 28_224 } });
    expect(other?.header).toMatchObject({ coordinates: 'pixel', prompt: 'full', viewPixels: null });
    const { width = 0, height = 0 } = one?.root.view ?? {};
    expect(width * height).toBe(28_224);
    // A token a byte, 36 for the image: the tools alone are more than a thousand.
    expect(one?.nodes[0]?.usage.promptTokens).toBeLessThan(400);
    expect(other?.nodes[0]?.usage.promptTokens).toBeGreaterThan(2000);
  });

  it('is not spoken to in another way', async () => {
    const spoken = writeTinyQwenVl(join(folder, 'spoken'), { seed: 7, conventions: declared });
    const run = await annotate(`llama:${spoken.model},${spoken.mmproj}`, '--prompt', 'full');
    expect(run.code).toBe(2);
    expect(run.stderr).toMatch(/file says --prompt brief, and --prompt full was asked for/);
  });
});

describe.skipIf(!hasSharedData('broken model files on the command line'))(
  'broken files, by the command line',
  () => {
    const annotate = (
      policy: string,
      images = photographs,
    ): Promise<{ code: number | null; stderr: string }> =>
      runCli([
        ...['annotate', '--images', images, '--query', 'it', '--policy', policy, '--turns', '1'],
        ...['--segmenter', surrogates.sam1, '--out', mkdtempSync(join(tmpdir(), 'maskwright-broken-'))],
      ]);
    const complaints = (stderr: string): string[] =>
      stderr.split('\n').filter((line) => line.startsWith('maskwright: '));

    it.each([
      [
        'a truncated GGUF',
        () => {
          const { model } = writeTinyQwenVl(join(folder, 'truncated'));
          truncateSync(model, 200_000);
          return model;
        },
        /not complete/,
      ],
      ['an mmproj in its place', () => pair.mmproj, /mmproj|projector|vision tower/i],
      ['a missing file', () => join(folder, 'nowhere.gguf'), /does not exist/],
    ])('%s gives one clear message', async (_name, model, message) => {
      const run = await annotate(`llama:${model()}`);
      expect(complaints(run.stderr)).toHaveLength(1);
      expect(complaints(run.stderr)[0]).toMatch(message);
      expect(run.code).toBe(3);
    });

    it('a 0-byte image gives one clear message, and the item is counted', async () => {
      const images = mkdtempSync(join(tmpdir(), 'maskwright-empty-'));
      writeFileSync(join(images, 'empty.jpg'), '');
      const run = await annotate(`llama:${pair.model},${pair.mmproj}`, images);
      expect(run.stderr).toMatch(/empty\.jpg.*empty/);
      expect(run.code).toBe(1);
    });
  },
);
