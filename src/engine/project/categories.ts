import { MaskwrightError } from '@shared/contract/errors';
import type { Category } from '@shared/contract/methods';
import type { Database } from './database';
import type { Journal } from './journal';
import { paletteColor } from './palette';
import { categoryRow } from './rows';

/** A category with its COCO entry as imported, JSON. */
export interface StoredCategory extends Category {
  original: string | null;
}

/** A category as the importers know it. */
export interface NewCategory {
  /** The file's id; a new one is given when it is null or taken. */
  id: number | null;
  name: string;
  supercategory: string;
  original: string | null;
}

/** The classes of a project. They are never removed. */
export class Categories {
  readonly #db: Database;
  readonly #journal: Journal;

  constructor(db: Database, journal: Journal) {
    this.#db = db;
    this.#journal = journal;
  }

  /** Every category in the order of ids. */
  categories(): Category[] {
    return this.storedCategories().map(({ id, name, supercategory, color }) => ({
      id,
      name,
      supercategory,
      color,
    }));
  }

  /** Categories with their imported COCO entry (JSON). */
  storedCategories(): StoredCategory[] {
    return this.#db.all(
      categoryRow,
      'SELECT id, name, supercategory, color, original FROM categories ORDER BY id',
    );
  }

  /** Throws NOT_FOUND. */
  categoryById(categoryId: number): Category {
    const sql = 'SELECT id, name, supercategory, color, original FROM categories WHERE id = ?';
    const row = this.#db.get(categoryRow, sql, [categoryId]);
    if (row === null) {
      throw new MaskwrightError('NOT_FOUND', 'The class is not in the project.', {
        hint: 'Choose another class.',
      });
    }
    return row;
  }

  /** The category of this name, made when there is none. Not part of undo. */
  createCategory(name: string): Category {
    const known = this.categories().find((category) => category.name === name);
    return known ?? this.addCategory({ id: null, name, supercategory: '', original: null });
  }

  /** A new category, with the given COCO id where that is free. For importers. */
  addCategory(input: NewCategory): Category {
    return this.#journal.write(() => {
      const color = paletteColor(this.#db.count('SELECT count(*) AS n FROM categories'));
      const taken =
        input.id === null ||
        this.#db.count('SELECT count(*) AS n FROM categories WHERE id = ?', [input.id]) > 0;
      const { lastId } = this.#db.run(
        'INSERT INTO categories (id, name, supercategory, color, original) VALUES (?, ?, ?, ?, ?)',
        [taken ? null : input.id, input.name, input.supercategory, color, input.original],
      );
      this.#journal.touched.project();
      return { id: lastId, name: input.name, supercategory: input.supercategory, color };
    });
  }
}
