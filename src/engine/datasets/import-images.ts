import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { readImageInfo } from '../images/image-file';
import type { NewImage } from '../project/store';
import { mapConcurrent } from './concurrent';
import type { Skipped } from './target';

/** Files that are read at the same time: enough to keep the disk busy without starving the interface. */
const concurrency = 3;

/** Told about every file: how many are done, and how many there are once that is known. */
export type ImportProgress = (done: number, total: number | null) => void;

export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new MaskwrightError('CANCELLED', 'The import was stopped.');
}

/** Size and hash of image files, a few at a time and in their order; unreadable ones carry the reason. */
export function readImages(
  files: AsyncIterable<string> | Iterable<string>,
  signal?: AbortSignal,
): AsyncGenerator<NewImage | (Skipped & { file: string }), void> {
  return mapConcurrent(
    files,
    concurrency,
    async (file) => {
      try {
        const info = await readImageInfo(file);
        return { file, sha256: info.hash, width: info.width, height: info.height };
      } catch (error) {
        return { file, item: file, reason: messageOf(error) };
      }
    },
    signal,
  );
}
