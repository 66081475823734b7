import { stat } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { isImagePath, pathInside } from '../project/paths';
import { walkImages } from './walk';

const lastPart = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/**
 * Finds images by the names that dataset files give them, in one folder and never outside of it: at that path, in a
 * folder `images`, else anywhere in the folder by the last part of the name, when only one file has it.
 */
export class ImageFinder {
  readonly folder: string;
  #byName: Promise<Map<string, string | null>> | null = null;

  constructor(folder: string) {
    this.folder = resolve(folder);
  }

  /** Absolute path, or null when the file is not there, not an image, or several have that name. */
  async find(fileName: string): Promise<string | null> {
    const name = fileName.replace(/\\/g, '/');
    if (!isImagePath(name) || name.includes('\0')) return null;
    if (!isAbsolute(name)) {
      for (const candidate of [join(this.folder, name), join(this.folder, 'images', name)]) {
        if (pathInside(this.folder, candidate) !== null && (await isFile(candidate))) return candidate;
      }
    }
    this.#byName ??= this.#index();
    return (await this.#byName).get(lastPart(name)) ?? null;
  }

  async #index(): Promise<Map<string, string | null>> {
    const index = new Map<string, string | null>();
    for await (const file of walkImages(this.folder)) {
      const name = lastPart(file.replace(/\\/g, '/'));
      index.set(name, index.has(name) ? null : file);
    }
    return index;
  }
}
