import { z } from 'zod';
import type { StoredAnnotation } from './annotations';
import type { Database } from './database';
import { imageOf, type ProjectImage } from './images';
import { annotationColumns, annotationOf, annotationRow, imageColumns, imageRow, numberRow } from './rows';

/** Images that an export takes: all, or those with annotations and those that are done without any. */
export type ExportedImages = 'all' | 'annotated';

export interface PagedAnnotation extends StoredAnnotation {
  /** Null where the image has no COCO id yet. */
  cocoImageId: number | null;
}

const pathRow = z.object({ path: z.string() });
const pagedRow = annotationRow.extend({ coco_id: z.number().int().nullable() });
const unnumberedRow = z.object({ id: z.string(), wanted: z.number().int() });
const countsRow = z.object({ images: z.number().int(), annotations: z.number().int().nullable() });

const condition = (images: ExportedImages): string =>
  images === 'all' ? '1' : "(images.annotation_count > 0 OR images.state = 'done')";

/**
 * Reads a project of any size bit by bit, in the order of COCO ids, for exports. Images without such an id
 * (`assignCocoIds` gives them) are told apart.
 */
export class Pages {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** The next images behind a COCO id. */
  imagesAfter(cocoId: number, limit: number, images: ExportedImages): ProjectImage[] {
    const sql = `SELECT ${imageColumns} FROM images WHERE coco_id > ? AND ${condition(images)}
      ORDER BY coco_id LIMIT ?`;
    return this.#db.all(imageRow, sql, [cocoId, limit]).map(imageOf);
  }

  /** Images without a COCO id in the order in which `assignCocoIds` would number them, and whether they are wanted. */
  unnumberedImages(images: ExportedImages): { id: string; wanted: boolean }[] {
    const sql = `SELECT id, ${condition(images)} AS wanted FROM images WHERE coco_id IS NULL ORDER BY seq`;
    return this.#db.all(unnumberedRow, sql, []).map(({ id, wanted }) => ({ id, wanted: wanted !== 0 }));
  }

  /** The next annotations behind an id, with the COCO id of their image. */
  annotationsAfter(id: number, limit: number): PagedAnnotation[] {
    const columns = annotationColumns
      .split(', ')
      .map((column) => `annotations.${column}`)
      .join(', ');
    const sql = `SELECT ${columns}, images.coco_id FROM annotations JOIN images ON images.id = annotations.image_id
      WHERE annotations.id > ? ORDER BY annotations.id LIMIT ?`;
    return this.#db.all(pagedRow, sql, [id, limit]).map((row) => ({
      ...annotationOf(row),
      maskEdited: row.mask_edited !== 0,
      original: row.original,
      cocoImageId: row.coco_id,
    }));
  }

  exportCounts(images: ExportedImages): { images: number; annotations: number } {
    const sql = `SELECT count(*) AS images, sum(annotation_count) AS annotations FROM images WHERE ${condition(images)}`;
    const row = this.#db.get(countsRow, sql, []);
    return { images: row?.images ?? 0, annotations: row?.annotations ?? 0 };
  }

  /** Paths that images of several folders have. */
  sharedPaths(): string[] {
    const sql = 'SELECT path FROM images GROUP BY path HAVING count(*) > 1';
    return this.#db.all(pathRow, sql, []).map(({ path }) => path);
  }

  hasPath(path: string): boolean {
    return this.#db.count('SELECT count(*) AS n FROM images WHERE path = ?', [path]) > 0;
  }

  /** The highest COCO id and annotation id: what comes later does not belong to an export that begins now. */
  exportEnd(): { cocoId: number; annotationId: number } {
    const highest = (sql: string): number => this.#db.get(numberRow, sql, [])?.value ?? 0;
    return {
      cocoId: highest('SELECT max(coco_id) AS value FROM images'),
      annotationId: highest('SELECT max(id) AS value FROM annotations'),
    };
  }
}
