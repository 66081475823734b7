import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { annotateImage } from '@engine/batch/annotate';
import { ObservationRenderer } from '@engine/environment/observation-image';
import { checkVisionModel } from '@engine/models/model-files';
import { nodeModelChild } from '@engine/models/node-model-child';
import { llamaCppPolicy } from '@engine/policies/llama-cpp';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { settleConventions } from '@shared/tools/conventions';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bundleModelChild } from '../support/model-child-bundle';
import { greyImage, shapeSegmenter } from '../support/shape-segmenter';
import { writeTinyQwenVl } from '../support/tiny-gguf';

const folder = resolve('resources/models');

const fileSchema = <Role extends z.ZodType>(role: Role) =>
  z.strictObject({ file: z.string(), role, bytes: z.number().int(), sha256: z.string().length(64) });
const described = {
  name: z.string(),
  licence: z.string(),
  trainedOn: z.string(),
  attribution: z.string(),
  madeBy: z.string(),
  quality: z.string(),
  limits: z.string(),
};
const segmenterSchema = z.strictObject({
  ...described,
  kind: z.literal('segmenter'),
  /** Which signature `openSegmenter` recognises. */
  interface: z.enum(['sam1', 'sam2', 'efficientsam']),
  files: z.array(fileSchema(z.enum(['encoder', 'decoder']))).length(2),
});
const agentSchema = z.strictObject({
  ...described,
  kind: z.literal('agent'),
  /** Its architecture, which is what `checkVisionModel` finds as qwen2vl. */
  interface: z.literal('qwen2.5-vl'),
  files: z.array(fileSchema(z.enum(['model', 'mmproj']))).length(2),
});
const manifestSchema = z.strictObject({
  models: z.array(z.discriminatedUnion('kind', [segmenterSchema, agentSchema])),
});
const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));

/** Bytes that a model may have. */
const limits = { segmenter: 8_000_000, agent: 20_000_000 } as const;

interface FileEntry {
  file: string;
  role: string;
}
const pathOf = (files: readonly FileEntry[], role: string): string =>
  join(folder, files.find((file) => file.role === role)?.file ?? '');

describe('shipped models', () => {
  it('has an entry for every file, and a file for every entry', () => {
    const listed = manifest.models.flatMap((model) => model.files.map(({ file }) => file)).sort();
    const there = readdirSync(folder).filter((name) => /\.(onnx|gguf|bin)$/.test(name));
    expect(there.sort()).toEqual(listed);
    for (const { attribution } of manifest.models) expect(readdirSync(folder)).toContain(attribution);
  });

  for (const { name, files, kind } of manifest.models) {
    it.each([...files])(`${name}: $file is the file that was described`, ({ file, bytes, sha256 }) => {
      const content = readFileSync(join(folder, file));
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
    });

    it(`${name} is as small as it has to be`, () => {
      const bytes = files.map((file) => file.bytes);
      expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(limits[kind]);
    });
  }

  for (const model of manifest.models) {
    if (model.kind === 'segmenter') {
      it(`${model.name} has the interface that is named`, async () => {
        const segmenter = await openSegmenter({
          encoder: pathOf(model.files, 'encoder'),
          decoder: pathOf(model.files, 'decoder'),
          cacheDir: mkdtempSync(join(tmpdir(), 'maskwright-manifest-')),
        });
        const { signature, surrogate } = segmenter.report();
        await segmenter.close();
        expect({ signature, surrogate }).toEqual({ signature: model.interface, surrogate: false });
      });
    } else {
      it(`${model.name} says how it is spoken to, and answers in the runtime`, async () => {
        await expectAgent(pathOf(model.files, 'model'), pathOf(model.files, 'mmproj'));
      });
    }
  }

  it('would take an agent that opens, and none whose file does not say how it is spoken to', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'maskwright-agent-'));
    const declared = { coordinates: 'pixel', prompt: 'brief', viewPixels: 28_224 } as const;
    const spoken = writeTinyQwenVl(join(dir, 'spoken'), { conventions: declared });
    await expectAgent(spoken.model, spoken.mmproj);
    const silent = writeTinyQwenVl(join(dir, 'silent'));
    await expect(expectAgent(silent.model, silent.mmproj)).rejects.toThrow();
    rmSync(dir, { recursive: true });
  });
});

/** What is asked of a shipped agent: all conventions in its metadata, and a turn of an episode in llama.cpp. */
async function expectAgent(model: string, mmproj: string): Promise<void> {
  const { architecture, conventions } = await checkVisionModel(model, mmproj);
  expect(architecture).toBe('qwen2vl');
  expect(Object.keys(conventions).sort()).toEqual(['coordinates', 'prompt', 'viewPixels']);
  const childFile = await bundleModelChild();
  const policy = llamaCppPolicy({
    model,
    mmproj,
    conventions,
    spawnModelChild: () => nodeModelChild(childFile),
    maxThoughtChars: 60,
  });
  try {
    const { nodes } = await annotateImage(greyImage(336, 336), {
      id: 'shipped',
      imageName: 'grey',
      query: 'the red cup',
      policy,
      segmenter: shapeSegmenter(),
      conventions: settleConventions(conventions, {}),
      turnBudget: 1,
      truth: null,
      seed: 0,
      renderer: new ObservationRenderer(),
    });
    expect(nodes).toHaveLength(1);
    expect(nodes[0]?.raw).not.toBe('');
    expect(nodes[0]?.call).not.toBeNull();
  } finally {
    await policy.close();
    rmSync(dirname(childFile), { recursive: true, force: true });
  }
}
