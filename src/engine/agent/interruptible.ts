import { MaskwrightError } from '@shared/contract/errors';

/**
 * The result of some work, or CANCELLED at once when the signal aborts, whether or not the work heeds it: a model or a
 * segmenter may be in the middle of a computation that nothing can break off. What it gives later is dropped.
 */
export function interruptible<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new MaskwrightError('CANCELLED', 'Stopped.'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
