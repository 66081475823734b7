import { realpath } from 'node:fs/promises';
import { isAbsolute, resolve, sep } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { isImagePath } from '../project/paths';

/**
 * The real path of an image file inside one of some folders, links followed.
 *
 * @param roots real paths of the folders
 * @param path absolute, or relative to one of them
 * @throws MaskwrightError NOT_FOUND for what is not there, is no image or lies elsewhere: which of them is not told
 */
export async function allowedImage(roots: readonly string[], path: string): Promise<string> {
  const tried = isAbsolute(path) ? [path] : roots.map((root) => resolve(root, path));
  for (const candidate of tried) {
    const real = path.includes('\0') ? null : await realpath(candidate).catch(() => null);
    const isInside =
      real !== null && roots.some((root) => real.startsWith(root.endsWith(sep) ? root : root + sep));
    if (isInside && isImagePath(real)) return real;
  }
  throw new MaskwrightError(
    'NOT_FOUND',
    `There is no image "${path.slice(0, 200)}" in the folders that may be read.`,
    {
      hint: 'list_images names what there is.',
    },
  );
}
