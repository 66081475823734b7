import { isAbsolute, relative, resolve, sep } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';

/** Extensions of the images that are imported and served, lower case. */
export const imageExtensions: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
]);

/** Name of the project file that a folder of images gets. */
export const projectFileName = 'project.maskwright';
export const projectExtension = '.maskwright';

/** Lower-case extension with the dot, or an empty string. */
export function extensionOf(path: string): string {
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot).toLowerCase();
}

export function isImagePath(path: string): boolean {
  return imageExtensions.has(extensionOf(path));
}

/** A relative path with forward slashes, as it is stored and exported. */
export function toSlashes(path: string): string {
  return sep === '/' ? path : path.split(sep).join('/');
}

/** The path of `file` from `folder` with forward slashes; null when it is not inside. */
export function pathInside(folder: string, file: string): string | null {
  const path = relative(resolve(folder), resolve(file));
  if (path === '' || path === '..' || path.startsWith(`..${sep}`) || isAbsolute(path)) return null;
  return toSlashes(path);
}

/** The absolute path of a stored relative one. Throws FORBIDDEN when it would leave the folder. */
export function resolveInside(folder: string, path: string): string {
  const full = resolve(folder, path);
  if (isAbsolute(path) || path.includes('\0') || pathInside(folder, full) === null) {
    throw new MaskwrightError('FORBIDDEN', 'The image lies outside of the project folders.', {
      hint: 'The project file may have been made by hand. Import the images again.',
    });
  }
  return full;
}

/** A key that sorts "img2" before "img10": runs of digits are padded, case is ignored. */
export function naturalSortKey(name: string): string {
  return searchText(name).replace(/\d+/g, (digits) => digits.replace(/^0+(?=\d)/, '').padStart(12, '0'));
}

/** A form to search in: lower case, composed. */
export function searchText(name: string): string {
  return name.normalize('NFC').toLowerCase();
}
