import { MaskwrightError } from '@shared/contract/errors';
import { type MaskOperation, type OperationResult, operate, operationPixels } from '@shared/mask/operations';
import type { Rle } from '@shared/mask/rle';
import type { MaskWork } from './mask-worker';

/** Up to so many pixels an operation is done at once: a worker would take longer to answer. */
const inlineUpTo = 1024 * 1024;

/**
 * Operations on masks. Those on large masks are done by a worker, so that the window goes on; its memory, many times
 * the mask's, goes with it.
 */
export class MaskOperations {
  #giveUp: (() => void) | null = null;

  /**
   * What the operation makes: at once for small masks, else a promise, of null when it was given up. Whatever is
   * under way is given up.
   */
  run(mask: Rle, operation: MaskOperation): OperationResult | Promise<OperationResult | null> {
    this.giveUp();
    if (operationPixels(mask, operation) <= inlineUpTo) return operate(mask, operation);
    return this.#inWorker({ mask, operation });
  }

  /** Ends what is under way, at once. */
  giveUp(): void {
    this.#giveUp?.();
  }

  async #inWorker(work: MaskWork): Promise<OperationResult | null> {
    const worker = new Worker(new URL('./mask-worker.ts', import.meta.url), { type: 'module' });
    try {
      return await new Promise<OperationResult | null>((resolve, reject) => {
        this.#giveUp = () => resolve(null);
        worker.onmessage = ({ data }: MessageEvent<OperationResult>) => resolve(data);
        worker.onerror = ({ message }) =>
          reject(
            new MaskwrightError('INTERNAL', `The mask could not be worked out: ${message}`, {
              hint: 'The memory may not suffice for so large a mask: cut it, or close other windows.',
            }),
          );
        worker.postMessage(work);
      });
    } finally {
      worker.terminate();
      this.#giveUp = null;
    }
  }
}
