import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { pathInside } from '../project/paths';
import { type DatasetTarget, type Skipped, targetOf } from './target';
import { walkImages } from './walk';

/** Throws NOT_FOUND when there is no such folder. */
export async function requireFolder(folder: string): Promise<string> {
  const full = resolve(folder);
  const found = await stat(full).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
  if (found) return full;
  throw new MaskwrightError('NOT_FOUND', `There is no folder ${full}`, { hint: 'Check the path.' });
}

/** Every image in a folder and its subfolders, without query or ground truth. */
export async function* readFolder(
  folder: string,
  options: { onSkip?: (skipped: Skipped) => void } = {},
): AsyncGenerator<DatasetTarget, void> {
  const root = await requireFolder(folder);
  for await (const file of walkImages(root, (item, reason) => options.onSkip?.({ item, reason }))) {
    const fileName = pathInside(root, file) ?? file;
    yield targetOf({ key: fileName, fileName, imagePath: file });
  }
}
