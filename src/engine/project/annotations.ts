import { type Attribute, type AttributeValues, isValueOf, withDefaults } from '@shared/attributes';
import type { ClassFields } from '@shared/contract/common';
import { MaskwrightError } from '@shared/contract/errors';
import type { Annotation } from '@shared/contract/methods';
import type { Rle } from '@shared/mask/rle';
import type { Author } from '@shared/trajectory/schema';
import type { Categories } from './categories';
import { difference } from './changes';
import type { Database } from './database';
import type { Images } from './images';
import { isKeepableId } from './imported-ids';
import type { Journal } from './journal';
import { measureMask } from './masks';
import { type AnnotationRow, annotationColumns, annotationOf, annotationRow, numberRow, rowOf } from './rows';

export interface NewAnnotation {
  imageId: string;
  categoryId: number;
  mask: Rle;
  author?: Author;
  score?: number | null;
  query?: string | null;
  trajectoryId?: string | null;
  iscrowd?: boolean;
  /** The defaults of the class are added. */
  attributes?: AttributeValues;
}

/** What to change in an annotation. */
export interface AnnotationPatch {
  mask?: Rle;
  categoryId?: number;
  query?: string | null;
  author?: Author;
  /** All of them; those left out are gone. */
  attributes?: AttributeValues;
  locked?: boolean;
}

/** What several annotations get in one step. */
export interface CommonPatch extends ClassFields {
  locked?: boolean;
}

/** An annotation as a COCO file has it; kept so that an untouched one is exported as it came. */
export interface ImportedAnnotation {
  /** The file's id; a new one is given when it is null, taken, or one that undo could bring back. */
  id: number | null;
  imageId: string;
  categoryId: number;
  mask: Rle;
  bbox: [number, number, number, number];
  area: number;
  iscrowd: boolean;
  /** Tells whether this very annotation was imported before. */
  importKey: string;
  /** The entry's JSON. */
  original: string;
  attributes?: AttributeValues;
}

/** An annotation with what the exporter needs. */
export interface StoredAnnotation extends Annotation {
  /** True after its mask was changed here: the imported polygon no longer says what it is. */
  maskEdited: boolean;
  original: string | null;
}

function patchLabel(patch: AnnotationPatch): string {
  if (patch.mask !== undefined) return 'Change mask';
  if (patch.attributes !== undefined) return 'Change attributes';
  if (patch.categoryId !== undefined) return 'Change class of mask';
  if (patch.locked !== undefined) return patch.locked ? 'Lock mask' : 'Unlock mask';
  return 'Change annotation';
}

function refuseLocked(row: AnnotationRow): void {
  if (row.locked === 0) return;
  throw new MaskwrightError('CONFLICT', 'The mask is locked.', { hint: 'Unlock it first.' });
}

/** Throws INVALID_REQUEST for a value that does not answer its question. Names that the class does not ask are kept. */
function checkValues(attributes: readonly Attribute[], values: AttributeValues): void {
  for (const attribute of attributes) {
    const value = values[attribute.name];
    if (value === undefined || isValueOf(attribute, value)) continue;
    throw new MaskwrightError('INVALID_REQUEST', `“${value}” is no value of “${attribute.name}”.`, {
      hint: 'Choose one of its values, or change the attributes of the class.',
    });
  }
}

/** The masks on images, with their classes. Every change is undoable, an import is not, nor is what is hidden. */
export class Annotations {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #images: Images;
  readonly #categories: Categories;

  constructor(db: Database, journal: Journal, topics: { images: Images; categories: Categories }) {
    this.#db = db;
    this.#journal = journal;
    this.#images = topics.images;
    this.#categories = topics.categories;
  }

  /** The annotations of an image, from bottom to top. Throws NOT_FOUND for an unknown image. */
  annotations(imageId: string): Annotation[] {
    this.#images.imageById(imageId);
    return this.#rows(imageId, 'z, id').map(annotationOf);
  }

  /** The same with what the exporter needs, in the order of ids. */
  storedAnnotations(imageId: string): StoredAnnotation[] {
    return this.#rows(imageId, 'id').map((row) => ({
      ...annotationOf(row),
      maskEdited: row.mask_edited !== 0,
      original: row.original,
    }));
  }

  /** Those of an image, of a class (null: any), that have nearly the pixel count of a mask and may share pixels with it. */
  annotationsAlike(
    imageId: string,
    categoryId: number | null,
    { area, bbox: [x, y, width, height] }: { area: number; bbox: [number, number, number, number] },
  ): Annotation[] {
    // Imported boxes and pixel counts may be those of polygons: a pixel more on each side, and a wide range.
    const sql = `SELECT ${annotationColumns} FROM annotations
      WHERE image_id = ? AND (? IS NULL OR category_id = ?) AND area BETWEEN ? AND ?
        AND bbox_x <= ? AND bbox_x + bbox_width >= ? AND bbox_y <= ? AND bbox_y + bbox_height >= ? ORDER BY z, id`;
    const values = [imageId, categoryId, categoryId, area * 0.8, area / 0.8];
    return this.#db
      .all(annotationRow, sql, [...values, x + width + 1, x - 1, y + height + 1, y - 1])
      .map(annotationOf);
  }

  /** Throws NOT_FOUND. */
  annotation(id: number): Annotation {
    return annotationOf(this.#row(id));
  }

  #rows(imageId: string, order: 'id' | 'z, id'): AnnotationRow[] {
    const sql = `SELECT ${annotationColumns} FROM annotations WHERE image_id = ? ORDER BY ${order}`;
    return this.#db.all(annotationRow, sql, [imageId]);
  }

  #row(id: number): AnnotationRow {
    const row = this.#db.get(annotationRow, `SELECT ${annotationColumns} FROM annotations WHERE id = ?`, [
      id,
    ]);
    if (row === null) {
      throw new MaskwrightError('NOT_FOUND', 'The annotation is not there any more.', {
        hint: 'Reload the image.',
      });
    }
    return row;
  }

  /**
   * Adds annotations as one undoable step (or a part of the surrounding mark). The image's state stays: whether there
   * is more to draw is for the person to say. Throws INVALID_REQUEST when a mask is empty, broken or of another size than the image.
   */
  createAnnotations(inputs: readonly NewAnnotation[]): Annotation[] {
    const label = inputs.length === 1 ? 'Add annotation' : `Add ${inputs.length} annotations`;
    return this.#journal.mark(label, () => inputs.map((input) => this.insert(input)));
  }

  /** The next annotation id; never one that was used before, even by an annotation that is deleted. */
  #nextId(): number {
    const sql = "SELECT seq AS value FROM sqlite_sequence WHERE name = 'annotations'";
    return (this.#db.get(numberRow, sql)?.value ?? 0) + 1;
  }

  /** Adds one as a part of the surrounding mark. Throws as `createAnnotations` does. */
  insert(input: NewAnnotation): Annotation {
    const image = this.#images.imageById(input.imageId);
    const category = this.#categories.categoryById(input.categoryId);
    const attributes = withDefaults(category.attributes, input.attributes ?? {});
    checkValues(category.attributes, attributes);
    const measure = measureMask(input.mask, image);
    if (measure.area === 0) {
      throw new MaskwrightError('INVALID_REQUEST', 'The mask has no pixels.', {
        hint: 'Mark the object first.',
      });
    }
    const id = this.#nextId();
    const row: AnnotationRow = {
      id,
      image_id: input.imageId,
      category_id: input.categoryId,
      mask_height: input.mask.size[0],
      mask_width: input.mask.size[1],
      mask_counts: input.mask.counts,
      bbox_x: measure.bbox[0],
      bbox_y: measure.bbox[1],
      bbox_width: measure.bbox[2],
      bbox_height: measure.bbox[3],
      area: measure.area,
      iscrowd: input.iscrowd === true ? 1 : 0,
      author: input.author ?? 'human',
      score: input.score ?? null,
      query: input.query ?? null,
      trajectory_id: input.trajectoryId ?? null,
      created_at: new Date().toISOString(),
      import_key: null,
      mask_edited: 1,
      original: null,
      attributes: JSON.stringify(attributes),
      // Ids only grow, so the newest lies on top.
      z: id,
      locked: 0,
      hidden: 0,
    };
    this.#journal.change({
      table: 'annotations',
      key: row.id,
      imageId: row.image_id,
      before: null,
      after: rowOf(row),
    });
    return annotationOf(row);
  }

  /**
   * Changes mask, class, query, attributes or lock. A changed mask gets pixel count and bbox anew, loses the
   * segmenter's score and belongs to `author` (a person, unless said otherwise). A new class adds the defaults of its
   * attributes. Undoable. Throws CONFLICT for the mask of a locked one.
   */
  updateAnnotation(id: number, patch: AnnotationPatch): Annotation {
    return this.#journal.mark(patchLabel(patch), () => {
      const before = this.#row(id);
      const after: AnnotationRow = { ...before };
      if (patch.categoryId !== undefined || patch.attributes !== undefined) {
        const category = this.#categories.categoryById(patch.categoryId ?? before.category_id);
        after.category_id = category.id;
        const values = patch.attributes ?? annotationOf(before).attributes;
        if (patch.attributes !== undefined) checkValues(category.attributes, values);
        const isReclassed = category.id !== before.category_id;
        after.attributes = JSON.stringify(isReclassed ? withDefaults(category.attributes, values) : values);
      }
      if (patch.query !== undefined) after.query = patch.query;
      if (patch.locked !== undefined) after.locked = patch.locked ? 1 : 0;
      if (patch.mask !== undefined && patch.mask.counts !== before.mask_counts) {
        refuseLocked(before);
        const measure = measureMask(patch.mask, this.#images.imageById(before.image_id));
        if (measure.area === 0) {
          throw new MaskwrightError('INVALID_REQUEST', 'The mask has no pixels.', {
            hint: 'Delete the annotation to remove the object.',
          });
        }
        after.mask_counts = patch.mask.counts;
        [after.bbox_x, after.bbox_y, after.bbox_width, after.bbox_height] = measure.bbox;
        after.area = measure.area;
        after.score = null;
        after.author = patch.author ?? 'human';
        after.mask_edited = 1;
      }
      const changed = difference(rowOf(before), rowOf(after));
      if (changed !== null)
        this.#journal.change({ table: 'annotations', key: id, imageId: before.image_id, ...changed });
      return annotationOf(after);
    });
  }

  /** Gives several annotations the same class or lock, as one undoable step. Throws NOT_FOUND. */
  updateAnnotations(ids: readonly number[], patch: CommonPatch): void {
    const what = `${new Set(ids).size} masks`;
    const { locked, ...choice } = patch;
    const hasClass = choice.categoryId !== undefined || choice.className !== undefined;
    const label = hasClass ? `Change class of ${what}` : `${locked ? 'Lock' : 'Unlock'} ${what}`;
    this.#journal.mark(label, () => {
      const categoryId = hasClass ? this.#categories.idOfClass(choice) : undefined;
      for (const id of new Set(ids)) this.updateAnnotation(id, { categoryId, locked });
    });
  }

  /** Undoable. Throws NOT_FOUND, or CONFLICT when it is locked. */
  deleteAnnotation(id: number): void {
    this.deleteAnnotations([id]);
  }

  /** Deletes several as one undoable step; nothing when one of them is locked (CONFLICT). */
  deleteAnnotations(ids: readonly number[]): void {
    const unique = [...new Set(ids)];
    const label = unique.length === 1 ? 'Delete annotation' : `Delete ${unique.length} annotations`;
    this.#journal.mark(label, () => {
      for (const id of unique) {
        const row = this.#row(id);
        refuseLocked(row);
        this.#journal.change({
          table: 'annotations',
          key: id,
          imageId: row.image_id,
          before: rowOf(row),
          after: null,
        });
      }
    });
  }

  /**
   * Puts all annotations of an image in a new order, from bottom to top. Undoable. Throws CONFLICT unless each of them
   * is named once.
   */
  reorderAnnotations(imageId: string, ids: readonly number[]): void {
    this.#journal.mark('Reorder masks', () => {
      const rows = this.#rows(imageId, 'z, id');
      const byId = new Map(rows.map((row) => [row.id, row]));
      if (
        ids.length !== rows.length ||
        new Set(ids).size !== rows.length ||
        !ids.every((id) => byId.has(id))
      ) {
        throw new MaskwrightError('CONFLICT', 'The masks have changed meanwhile.', { hint: 'Try again.' });
      }
      // The same numbers in another order: they stay below every id that is still to come.
      ids.forEach((id, index) => {
        const before = byId.get(id)?.z ?? 0;
        const after = rows[index]?.z ?? 0;
        if (before === after) return;
        this.#journal.change({
          table: 'annotations',
          key: id,
          imageId,
          before: { z: before },
          after: { z: after },
        });
      });
    });
  }

  /** Hides exactly these annotations of an image and shows its others. A way of looking, so no part of undo. */
  setHidden(imageId: string, ids: readonly number[]): void {
    this.#journal.write(() => {
      this.#images.imageById(imageId);
      const { changes } = this.#db.run(
        `UPDATE annotations SET hidden = 1 - hidden
          WHERE image_id = ? AND hidden <> (id IN (SELECT value FROM json_each(?)))`,
        [imageId, JSON.stringify(ids)],
      );
      if (changes > 0) this.#journal.touched.annotationsOf(imageId);
    });
  }

  /** Adds an imported annotation as it is; false when this very one was imported before. Not part of undo. */
  importAnnotation(input: ImportedAnnotation): boolean {
    return this.#journal.write(() => {
      const known = 'SELECT count(*) AS n FROM annotations WHERE image_id = ? AND import_key = ?';
      if (this.#db.count(known, [input.imageId, input.importKey]) > 0) return false;
      const isFree =
        isKeepableId(input.id, 1) &&
        this.#db.count('SELECT count(*) AS n FROM annotations WHERE id = ?', [input.id]) === 0 &&
        // A new id was never used; any other may be one that undo or redo brings back.
        (input.id >= this.#nextId() || !this.#journal.bringsBack('annotations', input.id));
      this.#db.run(
        `INSERT INTO annotations (id, image_id, category_id, mask_height, mask_width, mask_counts, bbox_x, bbox_y,
           bbox_width, bbox_height, area, iscrowd, author, created_at, import_key, mask_edited, original, attributes)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'human', ?, ?, 0, ?, ?)`,
        [
          isFree ? input.id : null,
          input.imageId,
          input.categoryId,
          input.mask.size[0],
          input.mask.size[1],
          input.mask.counts,
          ...input.bbox,
          input.area,
          input.iscrowd,
          new Date().toISOString(),
          input.importKey,
          input.original,
          JSON.stringify(input.attributes ?? {}),
        ],
      );
      this.#journal.touched.image(input.imageId);
      this.#journal.touched.annotationsOf(input.imageId);
      this.#journal.touched.project();
      return true;
    });
  }
}
