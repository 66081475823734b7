import { availableParallelism, cpus } from 'node:os';
import { MaskwrightError } from '@shared/contract/errors';
import type { PngImage } from '../policies/policy';
import type { SpawnModelChild } from './child-protocol';
import {
  ChildFault,
  ChildSession,
  defaultTimeouts,
  PromptTooLong,
  type RuntimeTimeouts,
} from './child-session';
import { checkVisionModel, type VisionModelFiles } from './model-files';
import { replayable } from './replayable';
import type { VisionCompletion, VisionRequest, VisionRuntime, VisionRuntimeInfo } from './vision-runtime';

export interface LlamaNodeOptions {
  /** Path of the GGUF. */
  model: string;
  /** Path of the mmproj GGUF; null: searched beside the model. */
  mmproj: string | null;
  spawnModelChild: SpawnModelChild;
  /** Tokens to start with; it is doubled when a conversation outgrows it, see {@link contextLimit}. */
  contextSize: number;
  gpuLayers: 'auto' | number;
  /** Null: one for each core, at most 8 (more slow llama.cpp down on most machines). */
  threads: number | null;
  /** Milliseconds. `firstToken` spans the evaluation of the prompt, which on a CPU takes a while. */
  timeouts?: Partial<RuntimeTimeouts>;
  /** How often a child that died is replaced within one call. */
  maxRespawns?: number;
}

const defaultMaxRespawns = 4;

/** Tokens up to which a context grows: what the model was trained for, and 32,768 where that is less or unknown. */
function contextLimit(files: VisionModelFiles): number {
  return Math.max(files.contextLength, 32_768);
}

function defaultThreads(): number {
  // availableParallelism is missing before Node 18.14.
  const cores = typeof availableParallelism === 'function' ? availableParallelism() : cpus().length;
  return Math.max(1, Math.min(8, cores));
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function dataUrl(image: PngImage): string {
  const bytes = Buffer.from(image.png.buffer, image.png.byteOffset, image.png.byteLength);
  if (bytes.length === 0 || !bytes.subarray(0, 8).equals(pngSignature)) {
    const what = bytes.length === 0 ? 'has 0 bytes' : 'is not a PNG';
    throw new MaskwrightError('POLICY_FAILED', `An image of the prompt ${what}.`, {
      hint: 'Open the image again; if it does not display, replace the file.',
    });
  }
  return `data:image/png;base64,${bytes.toString('base64')}`;
}

function cancelled(): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The model was stopped.');
}

/**
 * {@link VisionRuntime} on llama.cpp through @fugood/llama.node, in a child process that is replaced whenever
 * it dies, hangs or reports a fault. A death costs only time: the request is run again in a new child, up to
 * `maxRespawns` times in a call; a fault that the request itself causes is tried once more, and a load with a grown
 * context is not: it probably lacks memory.
 */
export class LlamaNodeRuntime implements VisionRuntime {
  private readonly timeouts: RuntimeTimeouts;
  private readonly maxRespawns: number;
  private files: VisionModelFiles | null = null;
  private session: ChildSession | null = null;
  private info: VisionRuntimeInfo | null = null;
  private gpuLayers: 'auto' | number;
  private contextSize: number;
  /** The last that a model was loaded with. */
  private loadedContextSize: number;
  private queue: Promise<unknown> = Promise.resolve();
  private isClosed = false;

  constructor(private readonly options: LlamaNodeOptions) {
    this.timeouts = { ...defaultTimeouts, ...options.timeouts };
    this.maxRespawns = options.maxRespawns ?? defaultMaxRespawns;
    this.gpuLayers = options.gpuLayers;
    this.contextSize = options.contextSize;
    this.loadedContextSize = options.contextSize;
  }

  /** Process id of the present child, for tests and logs. */
  get childPid(): number | undefined {
    return this.session?.isGone ? undefined : this.session?.pid;
  }

  load(): Promise<VisionRuntimeInfo> {
    return this.enqueue(() => this.withRespawns(async () => this.ensureLoaded()));
  }

  async complete(
    request: VisionRequest,
    options: { signal?: AbortSignal; onText?: (text: string) => void } = {},
  ): Promise<VisionCompletion> {
    const { signal, onText } = options;
    if (signal?.aborted) throw cancelled();
    const images = request.images.map(dataUrl);
    const stream = onText ? replayable(onText) : null;
    let running: ChildSession | null = null;
    const work = this.enqueue(() =>
      this.withRespawns(
        () =>
          this.withGrowingContext(async () => {
            if (signal?.aborted) throw cancelled();
            await this.ensureLoaded();
            if (signal?.aborted) throw cancelled();
            stream?.restart();
            running = this.session;
            return this.completeOnce(request, images, (text) => {
              if (!signal?.aborted) stream?.push(text);
            }).finally(() => {
              running = null;
            });
          }),
        signal,
      ),
    );
    if (!signal) return work;
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        reject(cancelled());
        // A load that is under way goes on: the next call needs it too.
        if (running) this.stopSoon(running, work);
      };
      signal.addEventListener('abort', abort, { once: true });
      work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.session?.kill('The runtime was closed');
    this.session = null;
    await this.queue.catch(() => undefined);
  }

  /** Runs after all that was asked before. */
  private enqueue<T>(work: () => Promise<T>): Promise<T> {
    const next = this.queue.then(() => {
      if (this.isClosed) throw cancelled();
      return work();
    });
    this.queue = next.catch(() => undefined);
    return next;
  }

  private async withRespawns<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    let deaths = 0;
    let faults = 0;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ChildFault)) throw error;
        this.session?.kill(error.message);
        this.session = null;
        if (this.isClosed || signal?.aborted) throw cancelled();
        if (error.died) deaths++;
        else faults++;
        if (deaths > this.maxRespawns || faults > 1) throw this.giveUp(error, deaths + faults);
        // The graphics driver may be what kills it.
        if (deaths >= 2 && this.options.gpuLayers === 'auto' && !this.info) this.gpuLayers = 0;
      }
    }
  }

  /** Runs again in a larger context when the prompt does not fit or the answer fills it. */
  private async withGrowingContext(work: () => Promise<VisionCompletion>): Promise<VisionCompletion> {
    for (;;) {
      try {
        const answer = await work();
        if (answer.stop !== 'context' || !this.growContext()) return answer;
      } catch (error) {
        if (!(error instanceof PromptTooLong) || !this.growContext()) throw error;
      }
    }
  }

  /** Doubles the context; the next call loads the model with it. False at the limit. */
  private growContext(): boolean {
    const limit = this.files ? contextLimit(this.files) : 0;
    if (this.contextSize >= limit) return false;
    this.contextSize = Math.min(limit, this.contextSize * 2);
    this.session?.kill('The context grows');
    this.session = null;
    return true;
  }

  /** Goes back to the last context that loaded, or to the first; false when it has not grown. */
  private shrinkContext(): boolean {
    const { contextSize: first } = this.options;
    if (this.contextSize <= first) return false;
    this.contextSize = this.loadedContextSize < this.contextSize ? this.loadedContextSize : first;
    return true;
  }

  private giveUp(error: ChildFault, attempts: number): MaskwrightError {
    if (!this.info) {
      return new MaskwrightError(
        'MODEL_UNREADABLE',
        `The model does not load, ${attempts} attempts failed: ${error.message}.`,
        {
          hint: 'The machine may lack memory for it. Try a smaller model or a smaller context.',
          cause: error,
        },
      );
    }
    return new MaskwrightError(
      'POLICY_FAILED',
      `The model failed, ${attempts} attempts in a row: ${error.message}.`,
      { hint: 'Try again, with a smaller context or fewer GPU layers.', retryable: true, cause: error },
    );
  }

  private async ensureLoaded(): Promise<VisionRuntimeInfo> {
    if (this.session && !this.session.isGone && this.info) return this.info;
    const { options, timeouts } = this;
    // Checked again before every load: the file may have been replaced since.
    const files = await checkVisionModel(options.model, options.mmproj);
    this.files = files;
    const session = new ChildSession(options.spawnModelChild(), timeouts);
    this.session = session;
    const times = { first: timeouts.load, next: timeouts.load };
    try {
      const answer = await session.request(
        {
          type: 'load',
          model: files.model,
          mmproj: files.mmproj,
          contextSize: this.contextSize,
          gpuLayers: this.gpuLayers,
          threads: options.threads ?? defaultThreads(),
          size: {
            layers: files.layers,
            modelBytes: files.modelBytes,
            mmprojBytes: files.mmprojBytes,
            cacheBytesPerToken: files.cacheBytesPerToken,
          },
        },
        times,
        () => undefined,
      );
      this.loadedContextSize = this.contextSize;
      this.info = { model: files.name, device: answer.type === 'loaded' ? answer.device : '' };
      return this.info;
    } catch (error) {
      session.kill('The model did not load');
      this.session = null;
      if (this.isClosed || !this.shrinkContext()) throw error;
      throw new MaskwrightError('POLICY_FAILED', 'The conversation is too long for this machine’s memory.', {
        hint: 'Use fewer turns, a smaller model, or close other programs.',
        cause: error,
      });
    }
  }

  private imageTokens(images: readonly PngImage[]): number {
    const side = this.files?.imageTokenSide ?? 0;
    if (side === 0) return 0;
    return images.reduce(
      (sum, { width, height }) => sum + Math.ceil(width / side) * Math.ceil(height / side),
      0,
    );
  }

  private async completeOnce(
    request: VisionRequest,
    images: string[],
    onToken: (text: string) => void,
  ): Promise<VisionCompletion> {
    const { session, timeouts } = this;
    if (!session) throw new ChildFault('The model process is gone', true);
    const answer = await session.request(
      {
        type: 'complete',
        prompt: request.prompt,
        images,
        imageTokens: this.imageTokens(request.images),
        grammar: request.grammar,
        maxTokens: request.maxTokens,
        temperature: request.temperature,
        seed: request.seed,
      },
      { first: timeouts.firstToken, next: timeouts.token },
      onToken,
    );
    if (answer.type !== 'done') throw new ChildFault('The model process answered out of turn', false);
    const { text, stop, promptTokens, completionTokens, cachedTokens } = answer;
    return { text, stop, promptTokens, completionTokens, cachedTokens };
  }

  /** Stops a running completion, by force where it does not stop in time. */
  private stopSoon(session: ChildSession, work: Promise<unknown>): void {
    session.stop();
    const timer = setTimeout(() => session.kill('The model did not stop'), this.timeouts.stop);
    work.catch(() => undefined).finally(() => clearTimeout(timer));
  }
}
