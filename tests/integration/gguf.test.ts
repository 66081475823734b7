import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { GgufError, readGgufHeader } from '@engine/models/gguf';
import { describeModelRuntime } from '@engine/models/hardware';
import { checkVisionModel } from '@engine/models/model-files';
import { nodeModelChild } from '@engine/models/node-model-child';
import { MaskwrightError } from '@shared/contract/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleModelChild } from '../support/model-child-bundle';
import { writeTinyQwenVl } from '../support/tiny-gguf';

let folder = '';
let pair = { model: '', mmproj: '' };

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maskwright-gguf-'));
  pair = writeTinyQwenVl(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('readGgufHeader', () => {
  it('reads metadata and the size that the file must have', async () => {
    const header = await readGgufHeader(pair.model);
    expect(header.metadata.get('general.architecture')).toBe('qwen2vl');
    expect(header.metadata.get('qwen2vl.block_count')).toBe(2);
    expect(header.metadata.get('tokenizer.ggml.tokens')).toEqual({ arrayLength: 272 });
    expect(header.tensorCount).toBe(27);
    expect(header.requiredSize).toBeLessThanOrEqual(header.fileSize);
    expect(header.fileSize - header.requiredSize).toBeLessThan(32);
  });

  it('refuses a file cut at any place, and never throws anything else', async () => {
    const cut = join(folder, 'cut.gguf');
    const { requiredSize } = await readGgufHeader(pair.model);
    const lengths = [1, 3, 4, 10, 23, 24, 30, 100, 1000, 5000, 10_000, 100_000, requiredSize - 1];
    for (const length of lengths) {
      copyFileSync(pair.model, cut);
      truncateSync(cut, length);
      const error = await readGgufHeader(cut).catch((reason: unknown) => reason);
      expect(error, `${length}`).toBeInstanceOf(GgufError);
      if (error instanceof GgufError) expect(error.reason).toBe(length < 24 ? 'not-gguf' : 'truncated');
    }
  });

  it('refuses or reads a header with any byte changed, without other errors', async () => {
    const bytes = readFileSync(pair.mmproj);
    const odd = join(folder, 'odd.gguf');
    for (let at = 4; at < 900; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = 0xff;
      writeFileSync(odd, changed);
      const result = await readGgufHeader(odd).catch((reason: unknown) => reason);
      if (result instanceof Error) expect(result).toBeInstanceOf(GgufError);
    }
  });
});

describe('checkVisionModel', () => {
  it('describes the pair', async () => {
    const files = await checkVisionModel(pair.model, pair.mmproj);
    expect(files).toMatchObject({
      name: 'Tiny random Qwen2.5-VL',
      architecture: 'qwen2vl',
      layers: 2,
      contextLength: 32_768,
      imageTokenSide: 28,
      // 2 (key, value) × 2 bytes × 2 layers × 16 wide × 2 heads
      cacheBytesPerToken: 256,
    });
  });

  it('reads how the agent is spoken to, and refuses what it does not know', async () => {
    expect((await checkVisionModel(pair.model, pair.mmproj)).conventions).toEqual({});
    const declared = { coordinates: 'pixel', prompt: 'brief', viewPixels: 28_224 } as const;
    const spoken = writeTinyQwenVl(join(folder, 'spoken'), { conventions: declared });
    expect((await checkVisionModel(spoken.model, spoken.mmproj)).conventions).toEqual(declared);
    const odd = writeTinyQwenVl(join(folder, 'odd'), { conventions: { viewPixels: 3 } });
    await expect(checkVisionModel(odd.model, odd.mmproj)).rejects.toMatchObject({
      code: 'MODEL_UNREADABLE',
      message: expect.stringContaining('maskwright.view_pixels'),
    });
  });

  it('finds the mmproj beside the model, the one of the same name among several', async () => {
    const shelf = join(folder, 'shelf');
    mkdirSync(shelf);
    const model = join(shelf, 'Qwen2.5-VL-3B-Instruct-Q4_K_M.gguf');
    copyFileSync(pair.model, model);
    const missing = await checkVisionModel(model, null).catch((reason: unknown) => reason);
    expect(missing).toBeInstanceOf(MaskwrightError);
    if (missing instanceof MaskwrightError) expect(missing.code).toBe('MODEL_MISSING');
    copyFileSync(pair.mmproj, join(shelf, 'a-mmproj-gemma.gguf'));
    copyFileSync(pair.mmproj, join(shelf, 'mmproj-Qwen2.5-VL-3B-Instruct-f16.gguf'));
    expect((await checkVisionModel(model, null)).mmproj).toBe(
      join(shelf, 'mmproj-Qwen2.5-VL-3B-Instruct-f16.gguf'),
    );
  });
});

describe('describeModelRuntime', () => {
  it('is honest about this machine, with and without the child', async () => {
    const childFile = await bundleModelChild();
    try {
      const report = await describeModelRuntime({
        spawnModelChild: () => nodeModelChild(childFile),
        model: pair.model,
      });
      expect(report.device).not.toBe('');
      expect(report.detail).toContain('memory');
      expect(report.backends.find((backend) => backend.name === 'llama.cpp default')?.available).toBe(true);
      if (report.device === 'CPU') expect(report.layers).toBeNull();
      else expect(report.layers?.total).toBe(2);
      const plain = await describeModelRuntime();
      expect(plain.backends).toHaveLength(1);
      const dead = await describeModelRuntime({
        spawnModelChild: () => nodeModelChild(join(folder, 'none.cjs')),
      });
      expect(dead.device).toBe('CPU');
      expect(dead.detail).toContain('ended');
    } finally {
      rmSync(dirname(childFile), { recursive: true, force: true });
    }
  });
});
