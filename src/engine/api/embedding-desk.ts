import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Embedding } from '@shared/contract/methods';
import { openImage } from '../images/image-file';
import type { Priority, Segmenter } from '../segmenters/segmenter';
import type { Emit } from './events';

export interface EmbeddingSources {
  /** Null when none is set up. */
  segmenter(): Promise<Segmenter | null>;
  /** Path of an image's file. */
  imagePath(imageId: string): string;
}

interface Request {
  abort: AbortController;
  priority: Priority;
  startedAt: number | null;
}

/**
 * Makes the embeddings of the image that a person looks at and of the next ones, and tells how far they are. What is
 * no longer wanted and has not begun is given up.
 */
export class EmbeddingDesk {
  private readonly sources: EmbeddingSources;
  private readonly emit: Emit;
  private readonly states = new Map<string, Embedding>();
  private readonly requests = new Map<string, Request>();
  /** Whose embeddings the states are about. */
  private segmenter: string | null = null;

  constructor(sources: EmbeddingSources, emit: Emit) {
    this.sources = sources;
    this.emit = emit;
  }

  /** @returns the state of each, in the order given */
  async prepare(imageId: string | null, ahead: readonly string[]): Promise<Embedding[]> {
    const wanted = [...new Set([...(imageId === null ? [] : [imageId]), ...ahead])];
    for (const [id, request] of this.requests) {
      if (!wanted.includes(id)) request.abort.abort();
    }
    const segmenter = await this.sources.segmenter();
    const identity = segmenter && `${segmenter.identity.name} ${segmenter.identity.signature}`;
    if (identity !== this.segmenter) {
      this.forget();
      this.segmenter = identity;
    }
    if (segmenter) {
      for (const id of wanted) this.want(segmenter, id, id === imageId ? 'foreground' : 'prefetch');
    }
    return wanted.map((id) => this.stateOf(id));
  }

  /** Another project or another segmenter: nothing that is known holds. */
  forget(): void {
    for (const { abort } of this.requests.values()) abort.abort();
    this.requests.clear();
    this.states.clear();
  }

  private stateOf(imageId: string): Embedding {
    const state = this.states.get(imageId) ?? { imageId, state: 'none', ms: null, error: null };
    const startedAt = this.requests.get(imageId)?.startedAt ?? null;
    return startedAt === null ? state : { ...state, ms: performance.now() - startedAt };
  }

  /** Asked again where it is ready too: the cache may have let it go, and answers at once when it has not. */
  private want(segmenter: Segmenter, imageId: string, priority: Priority): void {
    const underway = this.requests.get(imageId);
    if (underway && !underway.abort.signal.aborted) {
      if (underway.priority === priority || underway.startedAt !== null) return;
      underway.abort.abort();
    }
    const request: Request = { abort: new AbortController(), priority, startedAt: null };
    this.requests.set(imageId, request);
    if (this.states.get(imageId)?.state !== 'ready')
      this.tell(request, { imageId, state: 'queued', ms: null, error: null });
    void this.run(segmenter, imageId, request);
  }

  private async run(segmenter: Segmenter, imageId: string, request: Request): Promise<void> {
    try {
      const image = await openImage(this.sources.imagePath(imageId));
      await segmenter.encode(image, {
        priority: request.priority,
        signal: request.abort.signal,
        onStart: () => {
          request.startedAt = performance.now();
          this.tell(request, { imageId, state: 'encoding', ms: 0, error: null });
        },
      });
      const ms = request.startedAt === null ? null : performance.now() - request.startedAt;
      this.tell(request, { imageId, state: 'ready', ms, error: null });
    } catch (error) {
      if (isCancelled(error)) this.tell(request, { imageId, state: 'none', ms: null, error: null });
      else {
        const hint = error instanceof MaskwrightError ? error.hint : '';
        this.tell(request, {
          imageId,
          state: 'failed',
          ms: null,
          error: { message: messageOf(error), hint },
        });
      }
    } finally {
      if (this.requests.get(imageId) === request) this.requests.delete(imageId);
    }
  }

  /** A request that another one took the place of has nothing more to say. */
  private tell(request: Request, state: Embedding): void {
    if (this.requests.get(state.imageId) !== request) return;
    this.states.set(state.imageId, state);
    this.emit('segment.embedding', state);
  }
}
