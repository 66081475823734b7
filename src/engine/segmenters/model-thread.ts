import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import {
  type DecodeCommand,
  type DecodedCandidates,
  type EmbeddingTensor,
  type EncodeCommand,
  type LoadedModel,
  type ProviderName,
  threadEmbeddings,
} from './protocol';
import { ThreadClient, ThreadDied } from './thread-client';

export interface ModelThreadOptions {
  threadFile: string;
  /** Path of the ONNX file. */
  file: string;
  providers: ProviderName[];
  /** Intra-op threads. */
  threads: number;
}

/**
 * A model on a thread of its own that survives its thread: when the thread dies, or when a provider other than
 * the CPU fails while running, the model is loaded again (then on the CPU) and the request is made once more.
 */
export class ModelThread {
  private client: ThreadClient | null = null;
  private loading: Promise<LoadedModel> | null = null;
  private providers: ProviderName[];
  private readonly history: string[] = [];
  private model: LoadedModel | null = null;
  private closed = false;
  /** Keys of the embeddings that the thread has, least recently used first; mirrors the thread's own list. */
  private readonly known = new Set<string>();

  constructor(private readonly options: ModelThreadOptions) {
    this.providers = [...options.providers];
  }

  /** Starts the thread and loads the model, unless that has been done. MODEL_MISSING, MODEL_UNREADABLE. */
  load(): Promise<LoadedModel> {
    if (this.closed) {
      return Promise.reject(new MaskwrightError('CANCELLED', 'The segmenter was closed.'));
    }
    if (this.loading !== null && this.client?.dead === false) return this.loading;
    const client = new ThreadClient(this.options.threadFile);
    this.client = client;
    this.known.clear();
    const { file, threads } = this.options;
    const loading = client
      .request<'load'>({ type: 'load', file, providers: this.providers, threads })
      .then((model) => {
        this.model = model;
        return model;
      });
    this.loading = loading;
    // A failure is not kept: the next request loads again, on a new thread.
    loading.catch(() => {
      if (this.loading === loading) this.loading = null;
      void client.close();
    });
    return loading;
  }

  /** The provider in use and everything that led to it, restarts included. */
  status(): { provider: ProviderName | null; reasons: string[] } {
    return {
      provider: this.model?.provider ?? null,
      reasons: [...(this.model?.reasons ?? []), ...this.history],
    };
  }

  /** Encodes an image. The pixels are copied, because whoever gave them may keep them. */
  encode(command: Omit<EncodeCommand, 'type'>): Promise<EmbeddingTensor[]> {
    return this.retrying((client) => client.request<'encode'>({ type: 'encode', ...command }));
  }

  /** Decodes prompts. The embedding crosses to the thread only when the thread does not have it. */
  decode(
    command: Omit<DecodeCommand, 'type' | 'embedding'>,
    embedding: EmbeddingTensor[],
  ): Promise<DecodedCandidates> {
    return this.retrying((client) => {
      const sent = this.known.has(command.key) ? null : embedding;
      this.remember(command.key);
      return client
        .request<'decode'>({ type: 'decode', ...command, embedding: sent })
        .catch((error: unknown) => {
          // It may not have arrived.
          this.known.delete(command.key);
          throw error;
        });
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.client?.close();
  }

  /** Ends the thread as a crash would. For tests. */
  async crash(): Promise<void> {
    await this.client?.close();
  }

  private async retrying<Value>(request: (client: ThreadClient) => Promise<Value>): Promise<Value> {
    try {
      return await request(await this.ready());
    } catch (error) {
      if (this.closed) throw new MaskwrightError('CANCELLED', 'The segmenter was closed.', { cause: error });
      const provider = this.model?.provider ?? 'cpu';
      if (error instanceof ThreadDied) {
        this.history.push(`restarted: ${error.message}`);
      } else if (
        provider !== 'cpu' &&
        error instanceof MaskwrightError &&
        error.code === 'SEGMENTER_FAILED'
      ) {
        this.history.push(`${provider}: failed while running (${error.message}); the CPU took over`);
        this.providers = ['cpu'];
        await this.client?.close();
      } else throw error;
    }
    try {
      return await request(await this.ready());
    } catch (error) {
      if (isCancelled(error) || error instanceof MaskwrightError) throw error;
      throw new MaskwrightError('SEGMENTER_FAILED', `The segmenter failed twice: ${messageOf(error)}`, {
        hint: 'The machine may be out of memory. Try again, or choose a smaller model.',
        retryable: true,
        cause: error,
      });
    }
  }

  private async ready(): Promise<ThreadClient> {
    await this.load();
    if (this.client === null) throw new MaskwrightError('INTERNAL', 'The segmenter has no thread.');
    return this.client;
  }

  private remember(key: string): void {
    this.known.delete(key);
    this.known.add(key);
    for (const oldest of this.known) {
      if (this.known.size <= threadEmbeddings) break;
      this.known.delete(oldest);
    }
  }
}
