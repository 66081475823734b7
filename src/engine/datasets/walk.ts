import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '@shared/contract/errors';
import { isImagePath, naturalSortKey } from '../project/paths';

export type Skip = (item: string, reason: string) => void;

/**
 * Absolute paths of the images in a folder and its subfolders, in natural order. Hidden files and folders are left
 * out, a folder that a link leads to twice is read once, an unreadable one is reported to `skip`.
 *
 * @param enter whether a folder is read, by its real path
 */
export async function* walkImages(
  folder: string,
  skip: Skip = () => {},
  enter: (folder: string) => boolean = () => true,
): AsyncGenerator<string, void> {
  yield* walk(folder, { wanted: isImagePath, skip, enter, seen: new Set() });
}

/** The same for files of any kind whose name is wanted. */
export async function* walkFiles(
  folder: string,
  wanted: (name: string) => boolean,
  skip: Skip = () => {},
): AsyncGenerator<string, void> {
  yield* walk(folder, { wanted, skip, enter: () => true, seen: new Set() });
}

interface Walk {
  wanted: (name: string) => boolean;
  skip: Skip;
  enter: (folder: string) => boolean;
  /** Real paths of the folders that were read. */
  seen: Set<string>;
}

async function* walk(folder: string, options: Walk): AsyncGenerator<string, void> {
  const { wanted, skip, enter, seen } = options;
  try {
    const real = await realpath(folder);
    if (seen.has(real) || !enter(real)) return;
    seen.add(real);
  } catch (error) {
    skip(folder, messageOf(error));
    return;
  }
  for (const entry of await entries(folder, wanted, skip)) {
    if (entry.kind === 'folder') yield* walk(entry.path, options);
    else yield entry.path;
  }
}

async function entries(
  folder: string,
  wanted: (name: string) => boolean,
  skip: Skip,
): Promise<{ path: string; kind: 'file' | 'folder' }[]> {
  const found: { path: string; kind: 'file' | 'folder'; key: string }[] = [];
  try {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      const kind = entry.isSymbolicLink()
        ? await linked(path, wanted(entry.name) ? skip : () => {})
        : kindOf(entry);
      if (kind === 'folder' || (kind === 'file' && wanted(entry.name))) {
        found.push({ path, kind, key: naturalSortKey(entry.name) });
      }
    }
  } catch (error) {
    skip(folder, messageOf(error));
  }
  return found.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.path < b.path ? -1 : 1));
}

interface Kinds {
  isDirectory(): boolean;
  isFile(): boolean;
}

const kindOf = (entry: Kinds): 'file' | 'folder' | null =>
  entry.isDirectory() ? 'folder' : entry.isFile() ? 'file' : null;

async function linked(path: string, skip: Skip): Promise<'file' | 'folder' | null> {
  try {
    return kindOf(await stat(path));
  } catch {
    skip(path, 'the link leads nowhere');
    return null;
  }
}
