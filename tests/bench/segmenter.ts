/**
 * What the segmenter costs beside the models themselves: ratios to bare `session.run` of the same files in the same
 * process, so that they mean the same on every machine. Measured alternately, medians.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeImage } from '@engine/images/decode-image';
import { openImage } from '@engine/images/image-file';
import { defaultThreads } from '@engine/segmenters/cpu-threads';
import { encoderInput } from '@engine/segmenters/encoder-input';
import { formats } from '@engine/segmenters/formats';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Prompt } from '@engine/segmenters/segmenter';
import { type NamedModel, recognisePair } from '@engine/segmenters/signatures';
import * as ort from 'onnxruntime-node';

export interface SegmenterBench {
  /** Image file → embedding with an empty cache, over the encoder's bare run. */
  encodeRatio: number;
  /** Box → masks through the decoder's thread, over the decoder's bare run. */
  segmentRatio: number;
  /** Medians in milliseconds. */
  medians: { encode: number; bareEncode: number; segment: number; bareSegment: number };
}

export interface SegmenterBenchOptions {
  encoder: string;
  decoder: string;
  /** Folder of photographs. */
  images: string;
  /** Photographs encoded, and prompts asked for. Default 9. */
  rounds?: number;
  /** Path of the thread's bundle; built from the sources when left out. */
  threadFile?: string;
}

/** Runs the measurement on the CPU. The models' files are named encoder first. */
export async function benchSegmenter(options: SegmenterBenchOptions): Promise<SegmenterBench> {
  const rounds = options.rounds ?? 9;
  const photographs = readdirSync(options.images)
    .filter((name) => /\.(jpe?g|png)$/i.test(name))
    .sort()
    .slice(0, rounds + 1)
    .map((name) => join(options.images, name));
  const cacheDir = mkdtempSync(join(tmpdir(), 'maskwright-bench-'));
  const { encoder, decoder, threadFile } = options;
  const segmenter = await openSegmenter({ encoder, decoder, threadFile, cacheDir, provider: 'cpu' });
  const bare = await openBare(encoder, decoder);
  const times = { encode: [], bareEncode: [], segment: [], bareSegment: [] } satisfies Record<
    string,
    number[]
  >;
  const timed = async (into: number[], work: () => Promise<unknown>): Promise<void> => {
    const start = performance.now();
    await work();
    into.push(performance.now() - start);
  };
  try {
    for (const file of photographs) {
      // Read through once, so that the disk is not measured on one side only.
      const image = await openImage(file);
      const pixels = await decodeImage(file);
      const input = encoderInput(pixels, bare.pair.encoderPlan);
      const feeds = { [bare.pair.encoderPlan.input]: new ort.Tensor(input.type, input.data, input.shape) };
      await timed(times.encode, () => segmenter.encode(image));
      await timed(times.bareEncode, async () => {
        bare.embedding = await bare.encoder.run(feeds);
      });
      const prompt: Prompt = {
        box: { x1: image.width * 0.2, y1: image.height * 0.2, x2: image.width * 0.7, y2: image.height * 0.8 },
        points: [],
        lowRes: null,
      };
      const decoderFeeds = bare.feeds(prompt, image);
      // The first request of an image also carries its embedding to the decoder's thread; both count.
      await timed(times.segment, () => segmenter.segment(image, prompt));
      await timed(times.bareSegment, () => bare.decoder.run(decoderFeeds));
      await timed(times.segment, () => segmenter.segment(image, prompt));
      await timed(times.bareSegment, () => bare.decoder.run(decoderFeeds));
    }
  } finally {
    await segmenter.close();
    await bare.encoder.release();
    await bare.decoder.release();
    rmSync(cacheDir, { recursive: true, force: true });
  }
  const medians = {
    // The first photograph warms up.
    encode: median(times.encode.slice(1)),
    bareEncode: median(times.bareEncode.slice(1)),
    segment: median(times.segment.slice(2)),
    bareSegment: median(times.bareSegment.slice(2)),
  };
  return {
    encodeRatio: medians.encode / medians.bareEncode,
    segmentRatio: medians.segment / medians.bareSegment,
    medians,
  };
}

interface Bare {
  pair: ReturnType<typeof recognisePair>;
  encoder: ort.InferenceSession;
  decoder: ort.InferenceSession;
  embedding: ort.InferenceSession.ReturnType;
  feeds(prompt: Prompt, image: { width: number; height: number }): Record<string, ort.Tensor>;
}

/** The same models with the same number of threads and onnxruntime's own defaults otherwise, unless options say more. */
export async function openBare(
  encoderFile: string,
  decoderFile: string,
  options: ort.InferenceSession.SessionOptions = {},
): Promise<Bare> {
  const threads = defaultThreads();
  const open = (file: string, intraOpNumThreads: number): Promise<ort.InferenceSession> =>
    ort.InferenceSession.create(file, { executionProviders: ['cpu'], intraOpNumThreads, ...options });
  const [encoder, decoder] = await Promise.all([
    open(encoderFile, threads.encoder),
    open(decoderFile, threads.decoder),
  ]);
  const pair = recognisePair(named('encoder', encoder), named('decoder', decoder));
  const bare: Bare = {
    pair,
    encoder,
    decoder,
    embedding: {},
    feeds(prompt, image) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const { from, to } of pair.encoderPlan.outputs) {
        const tensor = bare.embedding[from];
        if (tensor === undefined) throw new Error(`The encoder gave no ${from}.`);
        feeds[to] = tensor;
      }
      for (const { name, type, data, shape } of formats[pair.signature].feeds(
        pair.decoderPlan,
        prompt,
        image,
      )) {
        feeds[name] = new ort.Tensor(type, data, shape);
      }
      return feeds;
    },
  };
  return bare;
}

function named(name: string, session: ort.InferenceSession): NamedModel {
  const infos = (list: readonly ort.InferenceSession.ValueMetadata[]): NamedModel['inputs'] =>
    list.map((info) => ({
      name: info.name,
      type: info.isTensor ? info.type : 'no tensor',
      shape: info.isTensor ? info.shape : [],
    }));
  return { name, inputs: infos(session.inputMetadata), outputs: infos(session.outputMetadata) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Ratios, with the medians behind them. */
export function formatSegmenterBench({ encodeRatio, segmentRatio, medians }: SegmenterBench): string {
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  return [
    `encode (file → embedding) / bare run: ${encodeRatio.toFixed(2)} (${ms(medians.encode)} / ${ms(medians.bareEncode)})`,
    `segment (box → masks) / bare run: ${segmentRatio.toFixed(2)} (${ms(medians.segment)} / ${ms(medians.bareSegment)})`,
  ].join('\n');
}
