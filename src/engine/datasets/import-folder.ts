import { pathInside } from '../project/paths';
import type { NewImage, ProjectStore } from '../project/store';
import { requireFolder } from './folder';
import { type ImportProgress, readImages, throwIfCancelled } from './import-images';
import { breathe } from './json-file';
import type { Skipped } from './target';
import { walkImages } from './walk';

export interface FolderReport {
  /** Images that are new in the project. */
  added: number;
  /** Images that were there already. */
  known: number;
  skipped: Skipped[];
}

/** Images written in one commit. */
const batchSize = 100;

/**
 * Adds the images of a folder and its subfolders that the project does not have yet (by path). Broken and empty files
 * are reported and left out. Can be stopped and run again: what is done stays. Throws NOT_FOUND and CANCELLED.
 */
export async function importFolder(
  store: ProjectStore,
  folder: string,
  options: { onProgress?: ImportProgress; onSkip?: (skipped: Skipped) => void; signal?: AbortSignal } = {},
): Promise<FolderReport> {
  const root = await requireFolder(folder);
  const report: FolderReport = { added: 0, known: 0, skipped: [] };
  const skip = (file: string, reason: string): void => {
    const skipped = { item: pathInside(root, file) ?? file, reason };
    report.skipped.push(skipped);
    options.onSkip?.(skipped);
  };
  const fresh: string[] = [];
  let looked = 0;
  for await (const file of walkImages(root, skip)) {
    throwIfCancelled(options.signal);
    looked += 1;
    if (looked % batchSize === 0) await breathe();
    if (store.imageByFile(file) === null) fresh.push(file);
    else report.known += 1;
  }
  let done = 0;
  options.onProgress?.(done, fresh.length);
  let batch: NewImage[] = [];
  const flush = (): void => {
    if (batch.length === 0) return;
    report.added += store.addImages(root, batch).added;
    batch = [];
  };
  for await (const result of readImages(fresh, options.signal)) {
    if ('reason' in result) skip(result.file, result.reason);
    else batch.push(result);
    done += 1;
    if (batch.length >= batchSize) {
      flush();
      await breathe();
    }
    options.onProgress?.(done, fresh.length);
  }
  flush();
  throwIfCancelled(options.signal);
  if (report.added > 0) store.recordEvent(`Import ${report.added} images`);
  return report;
}
