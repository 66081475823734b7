import type { z } from 'zod';
import type { Database } from './database';
import type { Journal } from './journal';
import { textRow } from './rows';

/** What is stored about the project as a whole: values in JSON by a key. */
export class Settings {
  readonly #db: Database;
  readonly #journal: Journal;

  constructor(db: Database, journal: Journal) {
    this.#db = db;
    this.#journal = journal;
  }

  /** A stored setting, parsed; null when it is not set or no longer fits the schema. */
  setting<S extends z.ZodType>(key: string, schema: S): z.output<S> | null {
    const row = this.#db.get(textRow, 'SELECT value FROM settings WHERE key = ?', [key]);
    if (row === null) return null;
    const parsed = schema.safeParse(JSON.parse(row.value));
    return parsed.success ? parsed.data : null;
  }

  /** Stores a setting. Not part of undo. */
  setSetting(key: string, value: unknown): void {
    const sql =
      'INSERT INTO settings (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';
    this.#journal.write(() => {
      this.#db.run(sql, [key, JSON.stringify(value)]);
      if (key === 'name' || key === 'isSample') this.#journal.touched.project();
    });
  }
}
