import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import type { Database } from './database';
import { pathInside, resolveInside } from './paths';

const rootRow = z.object({ id: z.number().int(), path: z.string() });

/** Where a file lies: the folder of images that it belongs to and its path from there, with forward slashes. */
export interface Place {
  rootId: number;
  path: string;
}

/** The folders that hold a project's images. The first is the project file's own folder. */
export class Roots {
  readonly #db: Database;
  readonly #base: string;
  /** Absolute folder of each root. */
  readonly #folders = new Map<number, string>();

  constructor(db: Database) {
    this.#db = db;
    this.#base = dirname(resolve(db.file));
    this.reload();
  }

  /** Reads the table again, after a transaction was rolled back. */
  reload(): void {
    this.#folders.clear();
    for (const row of this.#db.all(rootRow, 'SELECT id, path FROM roots ORDER BY id')) {
      this.#folders.set(row.id, resolve(this.#base, row.path));
    }
  }

  /** Absolute folder of a root. Throws NOT_FOUND. */
  folder(rootId: number): string {
    const folder = this.#folders.get(rootId);
    if (folder === undefined)
      throw new MaskwrightError('NOT_FOUND', 'The image’s folder is not in the project.');
    return folder;
  }

  folders(): string[] {
    return [...this.#folders.values()];
  }

  /** Absolute path of a stored place. Throws FORBIDDEN when it would leave the root. */
  absolute(place: Place): string {
    return resolveInside(this.folder(place.rootId), place.path);
  }

  /** Every way to name a file by a root, the closest root first. */
  places(file: string): Place[] {
    const found: Place[] = [];
    for (const [rootId, folder] of this.#folders) {
      const path = pathInside(folder, file);
      if (path !== null) found.push({ rootId, path });
    }
    return found.sort((a, b) => a.path.length - b.path.length);
  }

  /** The root of a folder, added when it is new. Stored relative when inside the project's folder. */
  ensure(folder: string): number {
    const full = resolve(folder);
    for (const [id, known] of this.#folders) if (known === full) return id;
    const inside = full === this.#base ? '.' : pathInside(this.#base, full);
    const stored = inside ?? (isAbsolute(full) ? full : relative(this.#base, full));
    const { lastId } = this.#db.run('INSERT INTO roots (path) VALUES (?)', [stored]);
    this.#folders.set(lastId, full);
    return lastId;
  }
}
