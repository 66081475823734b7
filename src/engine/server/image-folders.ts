import { realpath } from 'node:fs/promises';
import { basename, isAbsolute, relative, resolve, sep } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { walkImages } from '../datasets/walk';
import { isImagePath } from '../project/paths';

interface Folder {
  /** Stands before the names of its images; empty where there is but one folder. No separators, none twice. */
  label: string;
  /** Real path. */
  root: string;
}

/** Folders whose images may be opened, and nothing else; every image in them has one name of its own. */
export class ImageFolders {
  private readonly folders: readonly Folder[];

  /** @param roots real paths; one inside another is listed with that */
  constructor(roots: readonly string[]) {
    const outer = [...new Set(roots)].filter((root) => !roots.some((other) => isInside(other, root)));
    const labels = outer.length === 1 ? [''] : unique(outer.map((root) => basename(root) || 'root'));
    this.folders = outer.map((root, index) => ({ root, label: labels[index] ?? '' }));
  }

  get roots(): string[] {
    return this.folders.map(({ root }) => root);
  }

  /**
   * Names of the images, in natural order: paths from the folder, `/` between their parts, and where there are several
   * folders the name of the folder before them. Links that lead out of the folders are left out.
   */
  async *names(): AsyncGenerator<string, void> {
    for (const { root, label } of this.folders) {
      const enter = (folder: string): boolean => this.roots.includes(folder) || this.holds(folder);
      for await (const path of walkImages(root, undefined, enter)) {
        if ((await this.real(path)) === null) continue;
        const parts = relative(root, path).split(sep);
        yield (label === '' ? parts : [label, ...parts]).join('/');
      }
    }
  }

  /**
   * The real path of an image file, links followed.
   *
   * @param name as {@link names} has it, or an absolute path
   * @throws MaskwrightError NOT_FOUND for what is not there, is no image or lies elsewhere: which of them is not told
   */
  async find(name: string): Promise<string> {
    const path = isAbsolute(name) ? name : this.pathOf(name);
    const real = path === null ? null : await this.real(path);
    if (real !== null) return real;
    const message = `There is no image "${name.slice(0, 200)}" in the folders that may be read.`;
    throw new MaskwrightError('NOT_FOUND', message, { hint: 'list_images names what there is.' });
  }

  private pathOf(name: string): string | null {
    const [only, ...others] = this.folders;
    if (only && others.length === 0) return resolve(only.root, name);
    const [label, ...parts] = name.split('/');
    const folder = this.folders.find((each) => each.label === label);
    return folder ? resolve(folder.root, ...parts) : null;
  }

  private holds(path: string): boolean {
    return this.folders.some(({ root }) => isInside(root, path));
  }

  /** The real path of an image that may be opened, else null. */
  private async real(path: string): Promise<string | null> {
    const real = path.includes('\0') ? null : await realpath(path).catch(() => null);
    return real !== null && this.holds(real) && isImagePath(real) ? real : null;
  }
}

/** Whether `path` lies somewhere below `root`; both are real paths. */
function isInside(root: string, path: string): boolean {
  return path !== root && path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** The same names, a later one that was there before with a number behind it. */
function unique(names: readonly string[]): string[] {
  const taken = new Set(names);
  const given = new Set<string>();
  return names.map((name) => {
    let label = name;
    for (let number = 2; given.has(label); number++) {
      if (!taken.has(`${name}-${number}`)) label = `${name}-${number}`;
    }
    given.add(label);
    return label;
  });
}
