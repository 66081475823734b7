/** Tiny models with every interface (tests/fixtures/segmenters): points arrive where they belong, errors are clear. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelThread } from '@engine/segmenters/model-thread';
import { readOnnxMetadata } from '@engine/segmenters/onnx-metadata';
import { type OpenSegmenterOptions, openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Candidate, ImageSource, Prompt, Segmenter } from '@engine/segmenters/segmenter';
import { resolveThreadFile } from '@engine/segmenters/thread-file';
import { MaskwrightError } from '@shared/contract/errors';
import { type Bitmap, bitmapArea } from '@shared/mask/bitmap';
import { describe, expect, test } from 'vitest';
import { fixtures, root, temporaryFolder } from './segmenters-support';

const fixture = (name: string): string => join(fixtures, `${name}.onnx`);
const files = (encoder: string, decoder: string): OpenSegmenterOptions => ({
  encoder: fixture(encoder),
  decoder: fixture(decoder),
  cacheDir: temporaryFolder(),
  provider: 'cpu',
});

let images = 0;
function grey(width: number, height: number): ImageSource & { decoded: number } {
  const source = {
    hash: `image ${images++}`,
    width,
    height,
    decoded: 0,
    async pixels() {
      source.decoded++;
      return { width, height, data: new Uint8Array(width * height * 3).fill(128) };
    },
  };
  return source;
}

const click = (x: number, y: number): Prompt => ({
  box: null,
  points: [{ x, y, label: 'positive' }],
  lowRes: null,
});

function centroid({ width, data }: Bitmap): { x: number; y: number } {
  let x = 0;
  let y = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    if (data[i] === 0) continue;
    x += (i % width) + 0.5;
    y += Math.floor(i / width) + 0.5;
    count++;
  }
  return { x: x / count, y: y / count };
}

async function first(segmenter: Segmenter, image: ImageSource, prompt: Prompt): Promise<Candidate> {
  const { candidates } = await segmenter.segment(image, prompt);
  const candidate = candidates[0];
  if (candidate === undefined) throw new Error('no candidate');
  expect([candidate.mask.width, candidate.mask.height]).toEqual([image.width, image.height]);
  return candidate;
}

async function failure(options: OpenSegmenterOptions): Promise<MaskwrightError> {
  try {
    await (await openSegmenter(options)).close();
  } catch (error) {
    if (error instanceof MaskwrightError) return error;
    throw error;
  }
  throw new Error('It opened.');
}

describe('interfaces', () => {
  const pairs: Array<[string, string, string, number]> = [
    ['sam1', 'sam1_encoder', 'sam1_decoder', 2],
    ['sam1', 'sam1_decoder', 'sam1_encoder', 2],
    ['sam1', 'sam1_raw_float_encoder', 'sam1_odd_decoder', 0],
    ['sam1', 'sam1_raw_uint8_encoder', 'sam1_frame1024_decoder', 0],
    ['sam1', 'sam1_encoder', 'sam1_lowres_decoder', 0],
    ['sam2', 'sam2_encoder', 'sam2_decoder', 1],
    ['efficientsam', 'efficientsam_encoder', 'efficientsam_decoder', 1],
  ];
  for (const [signature, encoder, decoder, best] of pairs) {
    test(`${encoder} with ${decoder}: a click arrives in wide, high and large images`, async () => {
      const segmenter = await openSegmenter(files(encoder, decoder));
      expect(segmenter.identity.signature).toBe(signature);
      expect(segmenter.report().surrogate).toBe(decoder === 'sam1_frame1024_decoder');
      for (const [width, height, x, y] of [
        [96, 60, 50, 30],
        [60, 130, 32, 70],
        [3000, 1700, 1600, 900],
      ] as const) {
        const image = grey(width, height);
        const candidate = await first(segmenter, image, click(x, y));
        const centre = centroid(candidate.mask);
        // The discs are drawn on a grid of 8 or 16 cells.
        expect(Math.abs(centre.x - x)).toBeLessThan(width / 24);
        expect(Math.abs(centre.y - y)).toBeLessThan(height / 24);
        expect((await segmenter.segment(image, click(x, y))).best).toBe(best);
      }
      await segmenter.close();
    });
  }

  test('a box and a previous mask arrive', async () => {
    const segmenter = await openSegmenter(files('sam1_encoder', 'sam1_decoder'));
    const image = grey(64, 64);
    const box: Prompt = { box: { x1: 20, y1: 10, x2: 50, y2: 60 }, points: [], lowRes: null };
    const fromBox = await first(segmenter, image, box);
    const centre = centroid(fromBox.mask);
    expect(Math.hypot(centre.x - 20, centre.y - 10)).toBeLessThan(3);
    expect((await segmenter.segment(image, box)).best).toBe(0);
    const data = new Float32Array(64).fill(-1);
    data.fill(1, 32);
    const refined = await first(segmenter, image, { ...box, lowRes: { width: 8, height: 8, data } });
    expect(bitmapArea(refined.mask)).toBe(64 * 32);
    expect(refined.lowRes).toEqual({ width: 8, height: 8, data });
    const none = { width: 0, height: 0, data: new Float32Array(0) };
    expect((await first(segmenter, image, { ...box, lowRes: none })).mask).toEqual(fromBox.mask);
    const wrong = { width: 2, height: 2, data: new Float32Array(4) };
    await expect(segmenter.segment(image, { ...box, lowRes: wrong })).rejects.toThrow('takes 8 × 8');
    await expect(segmenter.segment(image, { ...box, box: null })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    await segmenter.close();
  });

  test('a decoder with a fixed number of points refuses more', async () => {
    const segmenter = await openSegmenter(files('sam1_encoder', 'sam1_odd_decoder'));
    const points = new Array(5).fill(click(1, 1).points[0]);
    await expect(segmenter.segment(grey(9, 9), { box: null, points, lowRes: null })).rejects.toThrow(
      'at most 5',
    );
    await segmenter.close();
  });
});

describe('what cannot be opened', () => {
  test('missing, empty and foreign files', async () => {
    const missing = await failure(files('nowhere', 'sam1_decoder'));
    expect([missing.code, missing.message]).toEqual([
      'MODEL_MISSING',
      expect.stringContaining('nowhere.onnx'),
    ]);
    const empty = await failure(files('empty', 'sam1_decoder'));
    expect([empty.code, empty.message]).toEqual(['MODEL_UNREADABLE', expect.stringContaining('is empty')]);
    const text = await failure(files('not_a_model', 'sam1_decoder'));
    expect([text.code, text.message]).toEqual([
      'MODEL_UNREADABLE',
      expect.stringContaining('Protobuf parsing'),
    ]);
    const folder = temporaryFolder();
    const cut = join(folder, 'cut.onnx');
    writeFileSync(cut, readFileSync(fixture('sam1_encoder')).subarray(0, 200));
    expect((await failure({ ...files('sam1_encoder', 'sam1_decoder'), encoder: cut })).code).toBe(
      'MODEL_UNREADABLE',
    );
  });

  test('pairs that are none', async () => {
    expect((await failure(files('sam1_encoder', 'sam1_encoder'))).message).toContain(
      'Both files are image encoders',
    );
    expect((await failure(files('sam1_decoder', 'sam2_decoder'))).message).toContain(
      'Both files are decoders',
    );
    expect((await failure(files('sam1_encoder', 'sam1_other_decoder'))).message).toContain(
      'do not belong together',
    );
    expect((await failure(files('sam1_encoder', 'sam2_decoder'))).message).toContain(
      'do not belong together',
    );
    expect((await failure(files('sam1_encoder', 'sam1_hq_decoder'))).message).toContain('interm_embeddings');
    expect((await failure(files('oblong_encoder', 'sam1_decoder'))).message).toContain('96 × 64');
  });

  test('metadata is read from the file', () => {
    expect(readOnnxMetadata(fixture('sam1_frame1024_decoder'))).toEqual({
      surrogate: 'true',
      note: 'frame of 1024',
    });
    expect(readOnnxMetadata(fixture('sam1_decoder'))).toEqual({});
    expect(readOnnxMetadata(fixture('not_a_model'))).toEqual({});
    expect(readOnnxMetadata(fixture('empty'))).toEqual({});
  });
});

describe('running', () => {
  test('one encode for many requests, from the disk after a restart', async () => {
    const options = files('sam1_encoder', 'sam1_decoder');
    const segmenter = await openSegmenter(options);
    const image = grey(90, 60);
    await Promise.all([
      segmenter.encode(image, { priority: 'prefetch' }),
      segmenter.encode(image),
      ...[1, 2, 3].map((x) => segmenter.segment(image, click(x, 1))),
    ]);
    expect(image.decoded).toBe(1);
    expect(segmenter.report().cache.misses).toBe(1);
    await segmenter.close();
    await expect(segmenter.segment(image, click(1, 1))).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(options.cacheDir)).toHaveLength(1);
    const again = await openSegmenter(options);
    await again.segment(image, click(1, 1));
    expect(image.decoded).toBe(1);
    expect(again.report().cache).toMatchObject({ disk: 1, misses: 0 });
    await again.close();
  });

  test('of one lane the latest wins; without a lane nothing is lost', async () => {
    const segmenter = await openSegmenter(files('sam1_encoder', 'sam1_decoder'));
    const image = grey(900, 600);
    await segmenter.encode(image);
    const codes = async (lane?: string): Promise<string[]> => {
      const asked = [1, 2, 3, 4, 5].map((x) => segmenter.segment(image, click(x, 1), { lane }));
      const settled = await Promise.allSettled(asked);
      return settled.map((one) => (one.status === 'fulfilled' ? 'done' : String(one.reason.code)));
    };
    const dragged = await codes('drag');
    expect([dragged[0], dragged[4]]).toEqual(['done', 'done']);
    expect(dragged.slice(1, 4)).toEqual(['CANCELLED', 'CANCELLED', 'CANCELLED']);
    expect(await codes()).toEqual(new Array(5).fill('done'));
    const abort = new AbortController();
    const aborted = segmenter.segment(image, click(5, 5), { signal: abort.signal });
    abort.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'CANCELLED' });
    await segmenter.close();
  });

  test('pixels that do not fit the source are IMAGE_UNREADABLE, and nothing is cached', async () => {
    const segmenter = await openSegmenter(files('sam1_encoder', 'sam1_decoder'));
    const image = { ...grey(90, 60), width: 91 };
    await expect(segmenter.encode(image)).rejects.toMatchObject({ code: 'IMAGE_UNREADABLE' });
    await segmenter.close();
  });

  test('more images than the decoder thread keeps', async () => {
    const segmenter = await openSegmenter(files('sam1_encoder', 'sam1_decoder'));
    const many = Array.from({ length: 7 }, (_, i) => grey(40 + i, 30));
    for (const image of [...many, ...many.toReversed(), ...many])
      await first(segmenter, image, click(20, 15));
    expect(segmenter.report().cache.misses).toBe(7);
    await segmenter.close();
  });

  test('a provider that cannot be had is reported', async () => {
    const provider = process.platform === 'win32' ? 'coreml' : 'dml';
    const segmenter = await openSegmenter({ ...files('sam1_encoder', 'sam1_decoder'), provider });
    const reason = `${provider}: this build of onnxruntime has no such provider on ${process.platform}`;
    const expected = { requested: provider, actual: 'cpu', reasons: [reason] };
    expect(segmenter.report()).toMatchObject({ encoder: expected, decoder: expected });
    await segmenter.close();
  });

  test('a thread that dies is started again and the request repeated', async () => {
    const thread = new ModelThread({
      threadFile: await resolveThreadFile(),
      file: fixture('sam1_encoder'),
      providers: ['cpu'],
      threads: 1,
    });
    await thread.load();
    const image = await grey(64, 64).pixels();
    const plan = {
      signature: 'sam1',
      input: 'input_image',
      type: 'float32',
      layout: 'nchw',
      size: 64,
      fit: 'longest-side',
      pad: true,
      normalise: 'raw',
      outputs: [{ from: 'image_embeddings', to: 'image_embeddings' }],
    } as const;
    const before = await thread.encode({ plan, image });
    expect(before[0]?.data[0]).toBeCloseTo(128, 3);
    const owed = thread.encode({ plan, image });
    await thread.crash();
    expect(await owed).toEqual(before);
    await thread.crash();
    expect(await thread.encode({ plan, image })).toEqual(before);
    expect(thread.status().reasons.join()).toContain('restarted');
    await thread.close();
    await expect(thread.encode({ plan, image })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('the thread’s bundle', () => {
  /** Everything that a bundle requires, its chunks' requires included. */
  function requiresOf(file: string): { names: string[]; bytes: number } {
    const code = readFileSync(file, 'utf8');
    const names = [...code.matchAll(/\brequire\(["'`]([^"'`]+)["'`]\)/g)].map((match) => match[1] ?? '');
    const chunks = names
      .filter((name) => name.startsWith('.'))
      .map((name) => requiresOf(join(dirname(file), name)));
    return {
      names: [...names.filter((name) => !name.startsWith('.')), ...chunks.flatMap((chunk) => chunk.names)],
      bytes: code.length + chunks.reduce((sum, chunk) => sum + chunk.bytes, 0),
    };
  }

  const built = join(root, 'out/main/segmenter-thread.js');
  if (!existsSync(built)) console.warn('SKIPPED: the built segmenter-thread.js: run `npm run build` first');
  for (const [name, file] of [
    ['as tests build it', resolveThreadFile],
    ['as the application builds it', existsSync(built) ? async () => built : null],
  ] as const) {
    test.skipIf(file === null)(`requires onnxruntime-node and Node only, ${name}`, async () => {
      const { names, bytes } = requiresOf(file === null ? built : await file());
      const allowed = ['onnxruntime-node', 'node:fs', 'node:worker_threads'];
      expect([...new Set(names)].filter((required) => !allowed.includes(required))).toEqual([]);
      expect(names).toContain('onnxruntime-node');
      expect(bytes).toBeLessThan(60_000);
    });
  }
});
