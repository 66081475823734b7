import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import type { ImageState } from '@shared/contract/methods';
import { z } from 'zod';
import { difference } from './changes';
import type { Database } from './database';
import { isKeepableId } from './imported-ids';
import type { Journal } from './journal';
import { isImagePath, naturalSortKey, searchText } from './paths';
import type { Place, Roots } from './roots';
import { type ImageRow, imageColumns, imageRow, numberRow } from './rows';

/** An image as the importers know it. */
export interface NewImage {
  /** Absolute path. */
  file: string;
  sha256: string;
  /** Pixels, after EXIF orientation. */
  width: number;
  height: number;
}

/** An image with what exports and the segmenter need beside the summary. */
export interface ProjectImage {
  id: string;
  name: string;
  width: number;
  height: number;
  state: ImageState;
  sha256: string;
  /** Path from its folder of images, with forward slashes. */
  path: string;
  rootId: number;
  /** Its id in COCO files; null until it was imported or exported. */
  cocoId: number | null;
  /** The image's entry as imported, JSON. */
  original: string | null;
  note: string;
  flagged: boolean;
  /** Why its file could not be read when it was last tried; null when it could. */
  problem: string | null;
}

/** What a person writes about an image. */
export interface ImagePatch {
  note?: string;
  flagged?: boolean;
}

export const imageOf = (row: ImageRow): ProjectImage => ({
  id: row.id,
  name: row.name,
  width: row.width,
  height: row.height,
  state: row.state,
  sha256: row.sha256,
  path: row.path,
  rootId: row.root_id,
  cocoId: row.coco_id,
  original: row.original,
  note: row.note,
  flagged: row.flagged !== 0,
  problem: row.problem,
});

export const unknownImage = (): MaskwrightError =>
  new MaskwrightError('NOT_FOUND', 'The image is not in the project.', { hint: 'Reload it.' });

/** The images of a project: found, added, and named in COCO files. They are never removed. */
export class Images {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #roots: Roots;

  constructor(db: Database, journal: Journal, roots: Roots) {
    this.#db = db;
    this.#journal = journal;
    this.#roots = roots;
  }

  /** Throws NOT_FOUND. */
  imageById(imageId: string): ProjectImage {
    const row = this.#db.get(imageRow, `SELECT ${imageColumns} FROM images WHERE id = ?`, [imageId]);
    if (row === null) throw unknownImage();
    return imageOf(row);
  }

  /** Every image in the order of adding. */
  allImages(): ProjectImage[] {
    return this.#db.all(imageRow, `SELECT ${imageColumns} FROM images ORDER BY seq`).map(imageOf);
  }

  // ------------------------------------------------------------------ what people and reading say of it

  /** Changes note or flag. Undoable. Throws NOT_FOUND. */
  updateImage(imageId: string, patch: ImagePatch): void {
    const label = patch.note !== undefined ? 'Change note' : patch.flagged ? 'Flag image' : 'Unflag image';
    this.#journal.mark(label, () => {
      const image = this.imageById(imageId);
      const before = { note: image.note, flagged: image.flagged ? 1 : 0 };
      const after = {
        note: patch.note ?? image.note,
        flagged: (patch.flagged ?? image.flagged) ? 1 : 0,
      };
      const changed = difference(before, after);
      if (changed !== null) this.#journal.change({ table: 'images', key: imageId, imageId, ...changed });
    });
  }

  /** Notes why the image's file cannot be read, or with null that it can. Not part of undo. */
  setProblem(imageId: string, problem: string | null): void {
    if (this.imageById(imageId).problem === problem) return;
    this.#journal.write(() => {
      this.#db.run('UPDATE images SET problem = ? WHERE id = ?', [problem, imageId]);
      this.#journal.touched.image(imageId);
    });
  }

  /** The image's file was replaced by another of the same size: later caches go by its new hash. Not part of undo. */
  setHash(imageId: string, sha256: string): void {
    this.#journal.write(() => {
      this.#db.run('UPDATE images SET sha256 = ? WHERE id = ?', [sha256, imageId]);
      this.#journal.touched.image(imageId);
    });
  }

  // ------------------------------------------------------------------ files

  /**
   * Absolute path of the image's file. Throws NOT_FOUND, or FORBIDDEN when a project made by hand points outside
   * of its folders or at something that is no image.
   */
  imagePath(imageId: string): string {
    const image = this.imageById(imageId);
    if (!isImagePath(image.path)) {
      throw new MaskwrightError('FORBIDDEN', 'The project names a file that is not an image.');
    }
    return this.#roots.absolute(image);
  }

  /** The image of a file that is in the project already; null when it is not. */
  imageByFile(file: string): ProjectImage | null {
    for (const place of this.#roots.places(resolve(file))) {
      const sql = `SELECT ${imageColumns} FROM images WHERE root_id = ? AND path = ?`;
      const row = this.#db.get(imageRow, sql, [place.rootId, place.path]);
      if (row !== null) return imageOf(row);
    }
    return null;
  }

  /** Absolute folders that images may lie in. */
  imageFolders(): string[] {
    return this.#roots.folders();
  }

  /** Path of a root, to tell images of the same path apart. */
  rootFolder(rootId: number): string {
    return this.#roots.folder(rootId);
  }

  // ------------------------------------------------------------------ import

  /**
   * Adds images that are not there yet (by path), in one commit. `folder` becomes a folder of images of the project;
   * files must lie in it. Returns the image of every input, and how many are new.
   */
  addImages(folder: string, images: readonly NewImage[]): { images: ProjectImage[]; added: number } {
    return this.#journal.write(() => {
      let added = 0;
      const result = images.map((image) => {
        const known = this.imageByFile(image.file);
        if (known !== null) return known;
        added += 1;
        return this.#addImage(folder, image);
      });
      return { images: result, added };
    });
  }

  #addImage(folder: string, image: NewImage): ProjectImage {
    const rootId = this.#roots.ensure(folder);
    const place = this.#roots.places(image.file).find((candidate: Place) => candidate.rootId === rootId);
    if (place === undefined) {
      throw new MaskwrightError(
        'FORBIDDEN',
        `The image is not in the folder that is imported: ${image.file}`,
      );
    }
    const id = `img_${randomBytes(8).toString('hex')}`;
    this.#db.run(
      `INSERT INTO images (id, root_id, path, name, sort_key, search, sha256, width, height, state)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'todo')`,
      [
        id,
        rootId,
        place.path,
        place.path,
        naturalSortKey(place.path),
        searchText(place.path),
        image.sha256,
        image.width,
        image.height,
      ],
    );
    this.#journal.touched.image(id);
    this.#journal.touched.project();
    return this.imageById(id);
  }

  // ------------------------------------------------------------------ COCO

  /** Remembers the COCO entry of an image; its COCO id is kept unless another image has it or it is too large. */
  setImageOriginal(imageId: string, cocoId: number | null, original: string): void {
    this.#journal.write(() => {
      this.#db.run('UPDATE images SET original = ? WHERE id = ? AND original IS NULL', [original, imageId]);
      if (!isKeepableId(cocoId)) return;
      this.#db.run(
        `UPDATE images SET coco_id = ? WHERE id = ? AND coco_id IS NULL
           AND NOT EXISTS (SELECT 1 FROM images WHERE coco_id = ?)`,
        [cocoId, imageId, cocoId],
      );
    });
  }

  /** Gives every image without a COCO id the next free one, in the order of adding; they never change again. */
  assignCocoIds(): void {
    this.#journal.write(() => {
      let next = (this.#db.get(numberRow, 'SELECT max(coco_id) AS value FROM images')?.value ?? 0) + 1;
      const rows = this.#db.all(
        z.object({ id: z.string() }),
        'SELECT id FROM images WHERE coco_id IS NULL ORDER BY seq',
      );
      for (const row of rows) {
        this.#db.run('UPDATE images SET coco_id = ? WHERE id = ?', [next, row.id]);
        next += 1;
      }
    });
  }
}
