import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import type { AppInfo } from '@shared/contract/methods';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { writeTinyQwenVl } from '../../../tests/support/tiny-gguf';
import type { OpenedSegmenter, OpenSegmenterOptions } from '../segmenters/open-segmenter';
import type { Candidate, ImageSource, Prompt, Segmentation } from '../segmenters/segmenter';
import { Models } from './models';

/** Segmenters as they were opened; each answers when told, and throws CANCELLED once it is closed. */
interface Fake {
  name: string;
  isClosed: boolean;
  prompts: Prompt[];
  answer(): void;
}
const fakes: Fake[] = [];

function candidate(): Candidate {
  const mask = { width: 1, height: 1, data: new Uint8Array(1) };
  return { mask, predictedIou: 1, lowRes: { width: 1, height: 1, data: new Float32Array(1) } };
}

/** Opening waits for this. */
let gate: Promise<void> = Promise.resolve();

vi.mock('../segmenters/open-segmenter', () => ({
  openSegmenter: async ({ encoder }: OpenSegmenterOptions): Promise<OpenedSegmenter> => {
    await gate;
    if (encoder.startsWith('broken')) throw new MaskwrightError('MODEL_MISSING', `${encoder} is missing.`);
    let settle: { resolve(value: Segmentation): void; reject(error: Error): void } | null = null;
    const fake: Fake = {
      name: encoder,
      isClosed: false,
      prompts: [],
      answer: () => settle?.resolve({ candidates: [candidate()], best: fakes.indexOf(fake) }),
    };
    fakes.push(fake);
    const where = { requested: 'auto' as const, actual: 'cpu' as const, reasons: [] };
    return {
      identity: { name: encoder, signature: 'sam1' },
      async encode() {},
      segment: (_image, prompt) =>
        new Promise((resolve, reject) => {
          fake.prompts.push(prompt);
          settle = { resolve, reject };
        }),
      report: () => ({
        signature: 'sam1',
        encoder: where,
        decoder: where,
        threads: { encoder: 1, decoder: 1 },
        inputSize: 1024,
        surrogate: false,
        cache: { memory: 0, disk: 0, misses: 0 },
        cacheError: null,
      }),
      async close() {
        fake.isClosed = true;
        settle?.reject(new MaskwrightError('CANCELLED', 'The segmenter was closed.'));
      },
    };
  },
}));

const image: ImageSource = { hash: '', width: 1, height: 1, pixels: () => Promise.reject(new Error('no')) };
const prompt = { box: { x1: 0, y1: 0, x2: 1, y2: 1 }, points: [], lowRes: null };

let dataDir = '';
let infos: AppInfo[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'maskwright-models-'));
  infos = [];
  fakes.length = 0;
  gate = Promise.resolve();
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

function start(segmenter: string, policy = 'none'): Models {
  return new Models(
    {
      dataDir,
      cacheDir: dataDir,
      resourcesDir: dataDir,
      outDir: dataDir,
      spawnModelChild: () => {
        throw new Error('No model is used here');
      },
      segmenter,
      policy,
      version: 'test',
      log: () => {},
    },
    (info) => infos.push(structuredClone(info)),
  );
}

it('an episode that began without a segmenter uses the one that is set up later', async () => {
  const models = start('broken,decoder');
  const segmenter = models.currentSegmenter();
  expect(await models.segmenter()).toBeNull();
  expect(segmenter.identity).toEqual({ name: 'none', signature: 'recorded' });
  await expect(segmenter.segment(image, prompt)).rejects.toMatchObject({
    code: 'MODEL_MISSING',
    message: expect.stringContaining('broken is missing'),
  });
  await models.configureSegmenter('first,decoder');
  expect(infos.map((info) => info.segmenter.detail)).toContain('Loading…');
  expect(await models.segmenter()).not.toBeNull();
  expect(segmenter.identity.name).toBe('first');
  await segmenter.encode(image);
  await models.close();
  await expect(segmenter.encode(image)).rejects.toMatchObject({ code: 'CANCELLED' });
});

it('a segmenter that is replaced finishes what it does, and is closed then', async () => {
  const models = start('first,decoder');
  const segmenter = await models.segmenter();
  const running = segmenter?.segment(image, prompt);
  await vi.waitFor(() => expect(fakes).toHaveLength(1));
  await models.configureSegmenter('second,decoder');
  expect(fakes.map(({ isClosed }) => isClosed)).toEqual([false, false]);
  const next = segmenter?.segment(image, prompt);
  await Promise.resolve();
  fakes[0]?.answer();
  const first = await running;
  expect(first?.best).toBe(0);
  expect(fakes.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  fakes[1]?.answer();
  const second = await next;
  expect(second?.best).toBe(1);
  // Logits are refined by the segmenter that gave them only.
  for (const given of [first, second]) {
    const refined = segmenter?.segment(image, { ...prompt, lowRes: given?.candidates[0]?.lowRes ?? null });
    const asked = given === first ? 2 : 3;
    await vi.waitFor(() => expect(fakes[1]?.prompts).toHaveLength(asked));
    fakes[1]?.answer();
    await refined;
  }
  expect(fakes[1]?.prompts.map(({ lowRes }) => lowRes)).toEqual([null, null, second?.candidates[0]?.lowRes]);
  await models.close();
});

it('what fails to load leaves the segmenter that was there, and says so', async () => {
  const models = start('first,decoder');
  await models.segmenter();
  const before = await models.info();
  await expect(models.configureSegmenter('broken,decoder')).rejects.toMatchObject({ code: 'MODEL_MISSING' });
  expect(await models.info()).toEqual(before);
  expect(fakes.map(({ isClosed }) => isClosed)).toEqual([false]);
  await models.close();
});

it('changes that come at once leave one segmenter open, and a load that close meets is closed too', async () => {
  const models = start('first,decoder');
  await Promise.all(['second', 'third'].map((name) => models.configureSegmenter(`${name},decoder`)));
  expect(fakes.map(({ name, isClosed }) => [name, isClosed])).toEqual([
    ['first', true],
    ['second', true],
    ['third', false],
  ]);
  let open = (): void => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const late = models.configureSegmenter('fourth,decoder');
  const never = models.configureSegmenter('fifth,decoder');
  await Promise.resolve();
  const closed = models.close();
  open();
  expect((await Promise.allSettled([late, never])).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
  ]);
  await closed;
  expect(fakes.every(({ isClosed }) => isClosed)).toBe(true);
});

it('an agent whose file is missing is not ready, at the start and when it is set up', async () => {
  const models = start('first,decoder', `llama:${join(dataDir, 'missing.gguf')}`);
  expect(await models.agent()).toBeNull();
  expect((await models.info()).agent).toMatchObject({
    ready: false,
    detail: expect.stringContaining('missing.gguf does not exist'),
  });
  const { model, mmproj } = writeTinyQwenVl(dataDir, { seed: 1 });
  await models.configureAgent(`llama:${model},${mmproj}`, 'norm1000');
  const agent = await models.agent();
  const { agent: status } = await models.info();
  expect(status).toMatchObject({ ready: true, name: agent?.identity.name });
  await expect(models.configureAgent('llama:other.gguf', 'norm1000')).rejects.toMatchObject({
    code: 'MODEL_MISSING',
  });
  expect((await models.info()).agent).toEqual(status);
  await models.configureAgent('none', 'norm1000');
  expect(await models.agent()).toBeNull();
  await models.close();
});

it('says what is set up, keeps the provider, and forgets what was given for one run once another is chosen', async () => {
  const models = start('given,decoder');
  await models.segmenter();
  expect(await models.setup()).toMatchObject({
    agent: { policy: 'none', onlyThisRun: true },
    segmenter: { segmenter: 'given,decoder', provider: 'auto', onlyThisRun: true, runs: { inputSize: 1024 } },
  });
  await models.configureSegmenter('chosen,decoder', 'cpu');
  await models.configureSegmenter('another,decoder');
  const { segmenter } = await models.setup();
  expect(segmenter).toMatchObject({ segmenter: 'another,decoder', provider: 'cpu', onlyThisRun: false });
  await models.close();
  const again = start('given,decoder');
  expect((await again.setup()).segmenter.provider).toBe('cpu');
  await again.close();
});
