import { MaskwrightError } from '@shared/contract/errors';
import PQueue from 'p-queue';
import type { Policy } from '../policies/policy';
import { withProposals } from '../policies/with-proposals';
import type { Segmenter } from '../segmenters/segmenter';

/** Tells work in the background when a person waits for an answer: it begins nothing new until then. */
export class Foreground {
  #waiting = 0;
  readonly #idle = new Set<() => void>();

  /** Does what a person waits for. */
  async first<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#waiting++;
    try {
      return await work();
    } finally {
      this.#waiting--;
      if (this.#waiting === 0) {
        for (const resume of this.#idle) resume();
        this.#idle.clear();
      }
    }
  }

  /** Resolves when nobody waits for an answer. @throws CANCELLED when the signal aborts */
  async idle(signal?: AbortSignal): Promise<void> {
    while (this.#waiting > 0) {
      if (signal?.aborted) break;
      await new Promise<void>((resolve) => {
        const resume = (): void => {
          signal?.removeEventListener('abort', resume);
          this.#idle.delete(resume);
          resolve();
        };
        this.#idle.add(resume);
        signal?.addEventListener('abort', resume, { once: true });
      });
    }
    if (signal?.aborted) throw new MaskwrightError('CANCELLED', 'The run was stopped.');
  }
}

/** The segmenter as people use it: what is asked of it comes before all work in the background. */
export function foregroundSegmenter(inner: Segmenter, foreground: Foreground): Segmenter {
  return {
    get identity() {
      return inner.identity;
    },
    encode: (image, options) =>
      options?.priority === 'prefetch'
        ? inner.encode(image, options)
        : foreground.first(() => inner.encode(image, options)),
    segment: (image, prompt, options) => foreground.first(() => inner.segment(image, prompt, options)),
    close: () => inner.close(),
  };
}

/** The same segmenter for work in the background: one request at a time, begun only while no person waits. */
export function backgroundSegmenter(inner: Segmenter, foreground: Foreground): Segmenter {
  const queue = new PQueue({ concurrency: 1 });
  const inTurn = <Result>(signal: AbortSignal | undefined, work: () => Promise<Result>): Promise<Result> =>
    queue.add(async () => {
      await foreground.idle(signal);
      return work();
    });
  return {
    get identity() {
      return inner.identity;
    },
    encode: (image, options) =>
      inTurn(options?.signal, () => inner.encode(image, { ...options, priority: 'prefetch' })),
    async segment(image, prompt, options) {
      // By itself, so that it yields to a person's image in the encoder's queue.
      await inTurn(options?.signal, () =>
        inner.encode(image, { priority: 'prefetch', signal: options?.signal }),
      );
      return inTurn(options?.signal, () => inner.segment(image, prompt, options));
    },
    close: () => inner.close(),
  };
}

/** The agent as people use it. */
export function foregroundAgent(inner: Policy, foreground: Foreground): Policy {
  return withProposals(inner, (input, options) => foreground.first(() => inner.propose(input, options)));
}

/** The same agent for work in the background. */
export function backgroundAgent(inner: Policy, foreground: Foreground): Policy {
  return withProposals(inner, async (input, options) => {
    await foreground.idle(options?.signal);
    return inner.propose(input, options);
  });
}
