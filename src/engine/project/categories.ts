import { type Attribute, attributesProblem, mergedAttributes } from '@shared/attributes';
import type { ClassFields } from '@shared/contract/common';
import { MaskwrightError } from '@shared/contract/errors';
import type { Category } from '@shared/contract/methods';
import { freeColor } from '@shared/palette';
import { z } from 'zod';
import { difference } from './changes';
import type { Database } from './database';
import { isKeepableId } from './imported-ids';
import type { Journal } from './journal';
import {
  type CategoryRow,
  categoryColumns,
  categoryOf,
  categoryRow,
  changedCategory,
  numberRow,
} from './rows';

/** A category with its COCO entry as imported, JSON. */
export interface StoredCategory extends Category {
  original: string | null;
}

/** A category as the importers know it. */
export interface NewCategory {
  /** The file's id; a new one is given when it is null, taken, or one that undo could bring back. */
  id: number | null;
  name: string;
  supercategory: string;
  original: string | null;
}

/** What to change in a category. */
export interface CategoryPatch {
  name?: string;
  color?: string;
  supercategory?: string;
  /** A digit; taken from the class that has it. */
  hotkey?: number | null;
  attributes?: readonly Attribute[];
}

const hotkeys = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const idRow = z.object({ id: z.number().int() });

function labelOf(patch: CategoryPatch): string {
  const { name, color, supercategory, hotkey, attributes } = patch;
  const labels = [
    name === undefined ? [] : 'Rename class',
    color === undefined ? [] : 'Recolour class',
    supercategory === undefined ? [] : 'Change class',
    hotkey === undefined ? [] : 'Change hotkey',
    attributes === undefined ? [] : 'Change attributes of class',
  ].flat();
  return labels.length === 1 ? (labels[0] ?? '') : 'Change class';
}

/** The classes of a project, in an order of their own. What a person changes is undoable, an import is not. */
export class Categories {
  readonly #db: Database;
  readonly #journal: Journal;

  constructor(db: Database, journal: Journal) {
    this.#db = db;
    this.#journal = journal;
  }

  /** Every category in the order that people gave them. */
  categories(): Category[] {
    return this.#rows('position, id').map(categoryOf);
  }

  /** Categories with their imported COCO entry (JSON), in the order of ids. */
  storedCategories(): StoredCategory[] {
    return this.#rows('id').map((row) => ({ ...categoryOf(row), original: row.original }));
  }

  /** Throws NOT_FOUND. */
  categoryById(categoryId: number): Category {
    return categoryOf(this.#row(categoryId));
  }

  #rows(order: 'id' | 'position, id'): CategoryRow[] {
    return this.#db.all(categoryRow, `SELECT ${categoryColumns} FROM categories ORDER BY ${order}`);
  }

  #row(categoryId: number): CategoryRow {
    const sql = `SELECT ${categoryColumns} FROM categories WHERE id = ?`;
    const row = this.#db.get(categoryRow, sql, [categoryId]);
    if (row === null) {
      throw new MaskwrightError('NOT_FOUND', 'The class is not in the project.', {
        hint: 'Choose another class.',
      });
    }
    return row;
  }

  // ------------------------------------------------------------------ new ones

  /** The category of this name, made when there is none. Undoable. */
  createCategory(name: string): Category {
    const known = this.#rows('position, id').find((row) => row.name === name);
    if (known !== undefined) return categoryOf(known);
    return this.#journal.mark(`Create class “${name}”`, () => {
      const sql = "SELECT seq AS value FROM sqlite_sequence WHERE name = 'categories'";
      const id = (this.#db.get(numberRow, sql)?.value ?? 0) + 1;
      const row = this.#newRow({ id, name, supercategory: '', original: null });
      this.#change(null, row);
      return categoryOf(row);
    });
  }

  /** The id of a chosen class; one that is only named is made, as a part of the surrounding mark. */
  idOfClass({ categoryId, className }: ClassFields): number {
    if (categoryId !== undefined) return categoryId;
    if (className !== undefined) return this.createCategory(className).id;
    throw new MaskwrightError('INVALID_REQUEST', 'No class is given.', { hint: 'Choose a class.' });
  }

  /** A new category, with the given COCO id where that is free. For importers; not part of undo. */
  addCategory(input: NewCategory): Category {
    return this.#journal.write(() => {
      const isFree =
        isKeepableId(input.id) &&
        this.#db.count('SELECT count(*) AS n FROM categories WHERE id = ?', [input.id]) === 0 &&
        !this.#journal.bringsBack('categories', input.id);
      const row = this.#newRow({ ...input, id: 0 });
      const { lastId } = this.#db.run(
        `INSERT INTO categories (id, name, supercategory, color, original, position, hotkey)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
        [
          isFree ? input.id : null,
          row.name,
          row.supercategory,
          row.color,
          row.original,
          row.position,
          row.hotkey,
        ],
      );
      this.#journal.touched.project();
      return { ...categoryOf(row), id: lastId };
    });
  }

  /** It comes last, with a colour and a hotkey that no other has, where there are such. */
  #newRow(input: { id: number; name: string; supercategory: string; original: string | null }): CategoryRow {
    const others = this.#rows('position, id');
    return {
      ...input,
      color: freeColor(others.map((row) => row.color)),
      position: (others.at(-1)?.position ?? 0) + 1,
      hotkey: hotkeys.find((key) => !others.some((row) => row.hotkey === key)) ?? null,
      attributes: '[]',
      annotation_count: 0,
    };
  }

  // ------------------------------------------------------------------ changes

  /**
   * Changes what is given. Undoable. Throws NOT_FOUND, CONFLICT when another class has the name, INVALID_REQUEST for
   * attributes that contradict themselves.
   */
  updateCategory(categoryId: number, patch: CategoryPatch): Category {
    return this.#journal.mark(labelOf(patch), () => {
      const before = this.#row(categoryId);
      const after: CategoryRow = { ...before };
      if (patch.name !== undefined && patch.name !== before.name) {
        this.#refuseKnownName(patch.name);
        after.name = patch.name;
        this.#renameReviews(before.name, patch.name);
      }
      if (patch.color !== undefined) after.color = patch.color.toLowerCase();
      if (patch.supercategory !== undefined) after.supercategory = patch.supercategory;
      if (patch.attributes !== undefined) {
        const problem = attributesProblem(patch.attributes);
        if (problem !== null) {
          throw new MaskwrightError('INVALID_REQUEST', problem, {
            hint: 'Change the attributes of the class.',
          });
        }
        after.attributes = JSON.stringify(patch.attributes);
      }
      if (patch.hotkey !== undefined) {
        const owner = this.#rows('id').find((row) => row.hotkey === patch.hotkey && row.id !== categoryId);
        if (patch.hotkey !== null && owner !== undefined) this.#change(owner, { ...owner, hotkey: null });
        after.hotkey = patch.hotkey;
      }
      this.#change(before, after);
      return categoryOf(after);
    });
  }

  #refuseKnownName(name: string): void {
    if (!this.#rows('id').some((row) => row.name === name)) return;
    throw new MaskwrightError('CONFLICT', `There is a class “${name}” already.`, {
      hint: 'Merge the classes, or choose another name.',
    });
  }

  /** Puts all classes in a new order. Undoable. Throws CONFLICT unless every class is named once. */
  reorderCategories(categoryIds: readonly number[]): void {
    this.#journal.mark('Reorder classes', () => {
      const rows = new Map(this.#rows('id').map((row) => [row.id, row]));
      if (rows.size !== categoryIds.length || new Set(categoryIds).size !== rows.size) {
        throw new MaskwrightError('CONFLICT', 'The classes have changed meanwhile.', { hint: 'Try again.' });
      }
      categoryIds.forEach((categoryId, index) => {
        const row = rows.get(categoryId) ?? this.#row(categoryId);
        this.#change(row, { ...row, position: index + 1 });
      });
    });
  }

  /**
   * Gives the annotations of some classes to another and removes these classes; their attributes that the other lacks
   * go with them. One undoable step, however many annotations there are. Returns how many moved. Throws NOT_FOUND.
   */
  mergeCategories(categoryIds: readonly number[], into: number): number {
    const target = this.#row(into);
    return this.#journal.mark(`Merge into “${target.name}”`, () => this.#mergeRows(categoryIds, into));
  }

  /**
   * Removes a class; its annotations go to `moveTo`. Undoable. Returns how many moved. Throws NOT_FOUND, or CONFLICT
   * when it has annotations and `moveTo` is null.
   */
  deleteCategory(categoryId: number, moveTo: number | null): number {
    const row = this.#row(categoryId);
    return this.#journal.mark(`Delete class “${row.name}”`, () => {
      if (moveTo !== null) return this.#mergeRows([categoryId], moveTo);
      if (row.annotation_count > 0) {
        throw new MaskwrightError(
          'CONFLICT',
          `${row.annotation_count} masks are of the class “${row.name}”.`,
          {
            hint: 'Choose the class that they shall get.',
          },
        );
      }
      this.#change(row, null);
      return 0;
    });
  }

  #mergeRows(categoryIds: readonly number[], into: number): number {
    let moved = 0;
    for (const categoryId of new Set(categoryIds)) {
      if (categoryId === into) continue;
      const source = this.#row(categoryId);
      const target = this.#row(into);
      const attributes = mergedAttributes(categoryOf(target).attributes, categoryOf(source).attributes);
      this.#change(target, { ...target, attributes: JSON.stringify(attributes) });
      const sql = 'SELECT id FROM annotations WHERE category_id = ? ORDER BY id';
      const keys = this.#db.all(idRow, sql, [categoryId]).map(({ id }) => id);
      if (keys.length > 0) {
        this.#journal.change({
          table: 'annotations',
          column: 'category_id',
          keys,
          before: categoryId,
          after: into,
        });
      }
      this.#renameReviews(source.name, target.name);
      this.#change(source, null);
      moved += keys.length;
    }
    return moved;
  }

  /** The results that wait for one class, or were settled with it, are of another now. */
  #renameReviews(before: string, after: string): void {
    const rows = this.#db.all(
      z.object({ id: z.string() }),
      'SELECT trajectory_id AS id FROM reviews WHERE class = ? ORDER BY seq',
      [before],
    );
    const keys = rows.map(({ id }) => id);
    if (keys.length > 0) this.#journal.change({ table: 'reviews', keys, before, after });
  }

  /** Makes, changes or removes a row as a part of the open mark; nothing when both sides are the same. */
  #change(before: CategoryRow | null, after: CategoryRow | null): void {
    const key = (before ?? after)?.id ?? 0;
    const whole = {
      before: before === null ? null : changedCategory(before),
      after: after === null ? null : changedCategory(after),
    };
    const sides = whole.before && whole.after ? difference(whole.before, whole.after) : whole;
    if (sides !== null) this.#journal.change({ table: 'categories', key, imageId: null, ...sides });
  }
}
