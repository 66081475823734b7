import { basename } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Size } from '@shared/geometry/types';
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { encodePlaced } from '@shared/mask/placed';
import { emptyRle, type Rle } from '@shared/mask/rle';
import { bestCandidate } from './best-candidate';
import { defaultThreads } from './cpu-threads';
import { aborted, LatestWinsQueue } from './decode-queue';
import { type CacheCounts, EmbeddingCache } from './embedding-cache';
import type { EmbeddingKey } from './embedding-file';
import { EncodeQueue } from './encode-queue';
import { modelHash } from './model-hash';
import { ModelThread } from './model-thread';
import type { DecodedCandidates, EmbeddingTensor, LoadedModel, MaskPart, ProviderName } from './protocol';
import { type ProviderRequest, providerOrder } from './providers';
import type {
  Candidate,
  EncodeOptions,
  ImageSource,
  Priority,
  Prompt,
  Segmentation,
  Segmenter,
  SegmenterIdentity,
  SegmentOptions,
} from './segmenter';
import { type ModelPair, recognisePair } from './signatures';
import { ThreadDied } from './thread-client';
import { resolveThreadFile } from './thread-file';

export interface OpenSegmenterOptions {
  /** Path of the ONNX image encoder; encoder and decoder may come in either order. */
  encoder: string;
  /** Path of the ONNX prompt decoder. */
  decoder: string;
  /** Folder of the embedding cache on disk; made when needed. */
  cacheDir: string;
  /** Path of the thread's bundle; found by {@link resolveThreadFile} when left out. */
  threadFile?: string;
  /** Default `auto`. */
  provider?: ProviderRequest;
  /** Bound of the embedding cache in memory, default 512 MB. */
  memoryBytes?: number;
  /** Bound of the embedding cache on disk, default 4 GB. */
  diskBytes?: number;
  /** Intra-op threads of each model on the CPU; see {@link defaultThreads}. */
  threads?: { encoder?: number; decoder?: number };
  /** Shown to people; default: the decoder's file name without its ending. */
  name?: string;
}

/** Where one of the models runs, and why there. */
export interface ProviderReport {
  requested: ProviderRequest;
  actual: ProviderName | null;
  reasons: string[];
}

export interface SegmenterReport {
  signature: SegmenterIdentity['signature'];
  encoder: ProviderReport;
  decoder: ProviderReport;
  threads: { encoder: number; decoder: number };
  /** Side in pixels of the encoder's input. */
  inputSize: number;
  /** True for stand-ins with SAM's interface (metadata `surrogate=true`); their numbers are not SAM's. */
  surrogate: boolean;
  cache: CacheCounts;
  /** Why the disk cache does not work, or null. */
  cacheError: string | null;
}

export interface OpenedSegmenter extends Segmenter {
  report(): SegmenterReport;
}

const defaultMemoryBytes = 512 * 1024 ** 2;
const defaultDiskBytes = 4 * 1024 ** 3;

/**
 * Opens an encoder and a decoder of the SAM family, each on a thread of its own.
 *
 * @throws MODEL_MISSING, MODEL_UNREADABLE (not ONNX, empty, unknown interface, two that do not belong together)
 */
export async function openSegmenter(options: OpenSegmenterOptions): Promise<OpenedSegmenter> {
  const threadFile = options.threadFile ?? (await resolveThreadFile());
  const requested = options.provider ?? 'auto';
  const providers = providerOrder(requested, process.platform);
  const defaults = defaultThreads();
  const threads = {
    encoder: options.threads?.encoder ?? defaults.encoder,
    decoder: options.threads?.decoder ?? defaults.decoder,
  };
  const open = (file: string, count: number): ModelThread =>
    new ModelThread({ threadFile, file, providers, threads: count });
  let encoder = open(options.encoder, threads.encoder);
  let decoder = open(options.decoder, threads.decoder);
  try {
    let models = await loadBoth(encoder, decoder);
    const pair = recognisePair(
      { ...models[0], name: basename(options.encoder) },
      { ...models[1], name: basename(options.decoder) },
    );
    const swapped = pair.encoder === 'second';
    const files = swapped
      ? { encoder: options.decoder, decoder: options.encoder }
      : { encoder: options.encoder, decoder: options.decoder };
    if (swapped) {
      // Opened again, because their numbers of threads differ.
      await Promise.all([encoder.close(), decoder.close()]);
      encoder = open(files.encoder, threads.encoder);
      decoder = open(files.decoder, threads.decoder);
      models = await loadBoth(encoder, decoder);
    }
    return new OnnxSegmenter({
      pair,
      encoder,
      decoder,
      decoderModel: models[1],
      surrogate: models.some((model) => model.metadata.surrogate === 'true'),
      encoderHash: `${pair.signature}:${await modelHash(files.encoder)}`,
      name: options.name ?? basename(files.decoder).replace(/\.onnx$/i, ''),
      requested,
      threads,
      cache: new EmbeddingCache({
        folder: options.cacheDir,
        memoryBytes: options.memoryBytes ?? defaultMemoryBytes,
        diskBytes: options.diskBytes ?? defaultDiskBytes,
      }),
    });
  } catch (error) {
    await Promise.all([encoder.close(), decoder.close()]);
    if (error instanceof ThreadDied) {
      throw new MaskwrightError('SEGMENTER_FAILED', `The segmenter could not be started: ${error.message}`, {
        hint: 'The machine may be out of memory. Try again, or choose a smaller model.',
        retryable: true,
        cause: error,
      });
    }
    throw error;
  }
}

/** Loads both and waits for both, so that no thread is left loading when one fails. */
async function loadBoth(first: ModelThread, second: ModelThread): Promise<[LoadedModel, LoadedModel]> {
  const [a, b] = await Promise.allSettled([first.load(), second.load()]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}

interface Parts {
  pair: ModelPair;
  encoder: ModelThread;
  decoder: ModelThread;
  decoderModel: LoadedModel;
  surrogate: boolean;
  encoderHash: string;
  name: string;
  requested: ProviderRequest;
  threads: { encoder: number; decoder: number };
  cache: EmbeddingCache;
}

class OnnxSegmenter implements OpenedSegmenter {
  readonly identity: SegmenterIdentity;
  private readonly encodes = new EncodeQueue<EmbeddingTensor[]>();
  private readonly decodes = new LatestWinsQueue<DecodedCandidates>();
  private nextLane = 1;
  private closed = false;

  constructor(private readonly parts: Parts) {
    this.identity = { name: parts.name, signature: parts.pair.signature };
  }

  async encode(image: ImageSource, options: EncodeOptions = {}): Promise<void> {
    await this.embedding(image, options.priority ?? 'foreground', options.signal, options.onStart);
  }

  async segment(image: ImageSource, prompt: Prompt, options: SegmentOptions = {}): Promise<Segmentation> {
    checkPrompt(prompt);
    const { signal } = options;
    // A request without a lane has one of its own and is never dropped for a newer one.
    const lane = options.lane ?? `\0${this.nextLane++}`;
    const ticket = this.decodes.ticket(lane);
    let embedding: EmbeddingTensor[];
    try {
      embedding = await this.embedding(image, 'foreground', signal);
    } catch (error) {
      this.decodes.drop(lane);
      throw error;
    }
    const size = { width: image.width, height: image.height };
    const decoded = await this.decodes.add(
      lane,
      ticket,
      () =>
        this.parts.decoder.decode(
          { plan: this.parts.pair.decoderPlan, key: image.hash, prompt: plainPrompt(prompt), image: size },
          embedding,
        ),
      signal,
    );
    const { candidate } = options;
    const candidates = candidatesOf(decoded, size);
    if (candidate !== undefined && candidate < candidates.length) {
      return { candidates, best: candidate, chosen: candidate };
    }
    return {
      candidates,
      best: bestCandidate(
        this.parts.pair.signature,
        decoded.predictedIou,
        prompt,
        this.parts.decoderModel.metadata,
      ),
    };
  }

  report(): SegmenterReport {
    const { pair, encoder, decoder, requested, threads, surrogate, cache } = this.parts;
    const provider = (model: ModelThread): ProviderReport => {
      const { provider: actual, reasons } = model.status();
      return { requested, actual, reasons };
    };
    return {
      signature: pair.signature,
      encoder: provider(encoder),
      decoder: provider(decoder),
      threads,
      inputSize: pair.encoderPlan.size,
      surrogate,
      cache: { ...cache.counts },
      cacheError: cache.diskError === null ? null : messageOf(cache.diskError),
    };
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.encodes.close();
    this.decodes.clear();
    await Promise.all([this.parts.encoder.close(), this.parts.decoder.close()]);
    await this.parts.cache.settled();
  }

  private async embedding(
    image: ImageSource,
    priority: Priority,
    signal?: AbortSignal,
    onStart?: () => void,
  ): Promise<EmbeddingTensor[]> {
    if (this.closed) throw new MaskwrightError('CANCELLED', 'The segmenter was closed.');
    if (signal?.aborted === true) throw aborted();
    const { cache, encoderHash } = this.parts;
    const key: EmbeddingKey = { imageHash: image.hash, encoderHash };
    return (
      cache.peek(key) ??
      this.encodes.add(image.hash, () => this.readOrRun(image, key), { priority, signal, onStart })
    );
  }

  private async readOrRun(image: ImageSource, key: EmbeddingKey): Promise<EmbeddingTensor[]> {
    const { cache, encoder, pair } = this.parts;
    // It may have come into memory while this request waited.
    const stored = cache.peek(key) ?? (await cache.read(key));
    if (stored !== null) return stored;
    const pixels = await image.pixels();
    if (!isSamePicture(pixels, image)) {
      throw new MaskwrightError(
        'IMAGE_UNREADABLE',
        `The image has ${pixels.width} × ${pixels.height} pixels; ${image.width} × ${image.height} were expected.`,
        { hint: 'The file has changed since it was imported: import it again.' },
      );
    }
    const { width, height } = image;
    const embedding = await encoder.encode({ plan: pair.encoderPlan, image: pixels, of: { width, height } });
    cache.put(key, embedding);
    return embedding;
  }
}

/** Bitmaps and RLEs are made when they are asked for: of several candidates mostly one is wanted. */
function candidatesOf(decoded: DecodedCandidates, size: Size): Candidate[] {
  return decoded.masks.map((part, i) => {
    const lowRes = decoded.lowRes[i];
    if (lowRes === undefined) throw new MaskwrightError('SEGMENTER_FAILED', 'A candidate has no logits.');
    let mask: Bitmap | null = null;
    let rle: Rle | null = null;
    return {
      get mask() {
        mask ??= wholeMask(part, size);
        return mask;
      },
      get rle() {
        rle ??= part ? encodePlaced(part, size) : emptyRle([size.height, size.width]);
        return rle;
      },
      predictedIou: decoded.predictedIou[i] ?? 0,
      lowRes,
    };
  });
}

function wholeMask(part: MaskPart | null, { width, height }: Size): Bitmap {
  const whole = createBitmap(width, height);
  for (let y = 0; part && y < part.height; y++) {
    whole.data.set(part.data.subarray(y * part.width, (y + 1) * part.width), (part.y + y) * width + part.x);
  }
  return whole;
}

/** Whether pixels are an image's own, or the image scaled down with its proportions kept. */
function isSamePicture(pixels: Size, image: Size): boolean {
  if (pixels.width === image.width && pixels.height === image.height) return true;
  const scale = Math.max(pixels.width / image.width, pixels.height / image.height);
  return (
    scale < 1 &&
    Math.abs(pixels.width - image.width * scale) <= 1 &&
    Math.abs(pixels.height - image.height * scale) <= 1
  );
}

/** Only what crosses to the thread: prompts may come with more on them, such as proxies or methods. */
function plainPrompt({ box, points, lowRes }: Prompt): Prompt {
  return {
    box: box === null ? null : { x1: box.x1, y1: box.y1, x2: box.x2, y2: box.y2 },
    points: points.map(({ x, y, label }) => ({ x, y, label })),
    lowRes: lowRes === null ? null : { width: lowRes.width, height: lowRes.height, data: lowRes.data },
  };
}

function checkPrompt({ box, points }: Prompt): void {
  if (box === null && points.length === 0) {
    throw new MaskwrightError('INVALID_REQUEST', 'There is no prompt: give a box or at least one point.');
  }
  const numbers = [
    ...(box === null ? [] : [box.x1, box.y1, box.x2, box.y2]),
    ...points.flatMap(({ x, y }) => [x, y]),
  ];
  if (!numbers.every((value) => Number.isFinite(value))) {
    throw new MaskwrightError('INVALID_REQUEST', 'A prompt has a coordinate that is not a finite number.');
  }
}
