import type { BigIntStats } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import { breathe } from '../datasets/json-file';
import { isImagePath, resolveInside } from '../project/paths';
import type { ProjectStore } from '../project/store';
import { cannotWrite } from './write-file';

/** Lists the files that exports wrote into a folder. No extension, so that no reader takes it for a label. */
export const ownFilesName = '.maskwright-export';

const listSchema = z.record(z.string(), z.tuple([z.number(), z.number()]));

/** Some file systems keep times to two seconds. */
const timeSlack = 2000;
const namedTargets = 3;

/**
 * Which files of a folder an export may replace: those that an earlier one wrote and that nobody changed since, by size
 * and time. Others only when they may be overwritten; image files of the project never.
 */
export class OwnFiles {
  readonly #root: string;
  /** Size in bytes and time of the last change in milliseconds, by path. */
  readonly #files: Map<string, readonly [number, number]>;

  private constructor(root: string, files: Map<string, readonly [number, number]>) {
    this.#root = root;
    this.#files = files;
  }

  /** A list that is missing or damaged means that nothing here is ours. */
  static async read(root: string): Promise<OwnFiles> {
    try {
      const list = listSchema.parse(JSON.parse(await readFile(join(root, ownFilesName), 'utf8')));
      return new OwnFiles(root, new Map(Object.entries(list)));
    } catch {
      return new OwnFiles(root, new Map());
    }
  }

  /** Throws CONFLICT, before anything is written, when one of the paths may not be replaced. */
  async check(store: ProjectStore, paths: Iterable<string>, overwrite: boolean): Promise<void> {
    const foreign: string[] = [];
    let images: Set<string> | null = null;
    let count = 0;
    for (const path of paths) {
      count += 1;
      if (count % 200 === 0) await breathe();
      const stats = await stat(resolveInside(this.#root, path), { bigint: true }).catch(() => null);
      if (stats === null) continue;
      if (isImagePath(path)) {
        images ??= await imageFiles(store);
        if (images.has(identity(stats))) throw isSource(path);
      }
      if (!overwrite && !this.#isOwn(path, stats)) foreign.push(path);
    }
    if (foreign.length === 0) return;
    const named = foreign.slice(0, namedTargets).join(', ');
    const more = foreign.length > namedTargets ? `, and ${foreign.length - namedTargets} more` : '';
    throw new MaskwrightError(
      'CONFLICT',
      `Files are there already that no export wrote, or that were changed since: ${named}${more}.`,
      {
        hint: 'Choose another folder, or allow to overwrite them: "Overwrite files" in the window, --overwrite on the command line.',
      },
    );
  }

  #isOwn(path: string, stats: BigIntStats): boolean {
    const known = this.#files.get(path);
    return (
      known !== undefined &&
      known[0] === Number(stats.size) &&
      Math.abs(known[1] - Number(stats.mtimeMs)) <= timeSlack
    );
  }

  /** Notes a file that was just written. */
  async add(path: string): Promise<void> {
    const { size, mtimeMs } = await stat(resolveInside(this.#root, path));
    this.#files.set(path, [size, Math.trunc(mtimeMs)]);
  }

  /** Throws FORBIDDEN when the list cannot be written. */
  async save(): Promise<void> {
    if (this.#files.size === 0) return;
    const file = join(this.#root, ownFilesName);
    await writeFile(file, `${JSON.stringify(Object.fromEntries(this.#files))}\n`).catch((error: unknown) => {
      throw cannotWrite(file, error);
    });
  }
}

/** The same for every name of a file: links and letter case do not matter. */
const identity = ({ dev, ino }: BigIntStats): string => `${dev}:${ino}`;

async function imageFiles(store: ProjectStore): Promise<Set<string>> {
  const found = new Set<string>();
  for (const [index, { id }] of store.allImages().entries()) {
    if (index % 200 === 199) await breathe();
    const stats = await stat(store.imagePath(id), { bigint: true }).catch(() => null);
    if (stats !== null) found.add(identity(stats));
  }
  return found;
}

function isSource(path: string): MaskwrightError {
  return new MaskwrightError(
    'CONFLICT',
    `${path} is an image of this project; an export never replaces it.`,
    {
      hint: 'Export into another folder.',
    },
  );
}
