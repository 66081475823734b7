import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import type { Database } from './database';
import type { SqlInput } from './sql-parameters';

/** Reversible changes of rows: what the journal keeps and undo plays backwards. */

const columns = {
  images: { key: 'id', columns: ['state', 'note', 'flagged'] },
  categories: {
    key: 'id',
    columns: ['id', 'name', 'supercategory', 'color', 'original', 'position', 'hotkey', 'attributes'],
  },
  annotations: {
    key: 'id',
    columns: [
      'id',
      'image_id',
      'category_id',
      'mask_height',
      'mask_width',
      'mask_counts',
      'bbox_x',
      'bbox_y',
      'bbox_width',
      'bbox_height',
      'area',
      'iscrowd',
      'author',
      'score',
      'query',
      'trajectory_id',
      'created_at',
      'import_key',
      'mask_edited',
      'original',
      'attributes',
      'z',
      'locked',
      'hidden',
    ],
  },
  trajectories: { key: 'id', columns: ['outcome', 'status', 'decision'] },
} as const;

const valueSchema = z.union([z.string(), z.number(), z.null()]);
const rowSchema = z.record(z.string(), valueSchema);
export type ChangedRow = z.infer<typeof rowSchema>;

const rowChangeSchema = z.object({
  table: z.enum(['images', 'categories', 'annotations', 'trajectories']),
  key: z.union([z.string(), z.number()]),
  /** The image that it touches; null for a category. */
  imageId: z.string().nullable(),
  /** Null: the row did not exist. With both sides set: only the columns that differ. */
  before: rowSchema.nullable(),
  /** Null: the row is gone. */
  after: rowSchema.nullable(),
});
type RowChange = z.infer<typeof rowChangeSchema>;

/** The same value put in the place of the same value in many annotations, such as their class. */
const columnChangeSchema = z.object({
  table: z.literal('annotations'),
  column: z.enum(['category_id', 'locked']),
  keys: z.array(z.number().int()),
  before: valueSchema,
  after: valueSchema,
});
type ColumnChange = z.infer<typeof columnChangeSchema>;

/** Entries of the review queue whose class is called otherwise. */
const reviewChangeSchema = z.object({
  table: z.literal('reviews'),
  /** Ids of their trajectories. */
  keys: z.array(z.string()),
  before: z.string(),
  after: z.string(),
});
type ReviewChange = z.infer<typeof reviewChangeSchema>;

export const changeSchema = z.union([rowChangeSchema, columnChangeSchema, reviewChangeSchema]);
export type Change = z.infer<typeof changeSchema>;

export const changesSchema = z.array(changeSchema);

/** The opposite of a list of changes, in the opposite order. */
export function inverted(changes: readonly Change[]): Change[] {
  return [...changes]
    .reverse()
    .map((change) =>
      change.table === 'reviews'
        ? { ...change, before: change.after, after: change.before }
        : 'keys' in change
          ? { ...change, before: change.after, after: change.before }
          : { ...change, before: change.after, after: change.before },
    );
}

/** The columns in which two rows differ, as a pair; null when none does. */
export function difference(
  before: ChangedRow,
  after: ChangedRow,
): { before: ChangedRow; after: ChangedRow } | null {
  const old: ChangedRow = {};
  const fresh: ChangedRow = {};
  for (const [name, value] of Object.entries(after)) {
    const previous = before[name] ?? null;
    if (previous === value) continue;
    old[name] = previous;
    fresh[name] = value;
  }
  return Object.keys(fresh).length === 0 ? null : { before: old, after: fresh };
}

function checkedColumns(table: RowChange['table'], row: ChangedRow): { names: string[]; values: SqlInput[] } {
  const known: readonly string[] = columns[table].columns;
  const names = Object.keys(row);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined || names.length === 0) {
    throw new MaskwrightError(
      'PROJECT_UNREADABLE',
      `The journal names a column that does not exist: ${unknown ?? ''}`,
    );
  }
  return { names, values: names.map((name) => row[name] ?? null) };
}

/** Makes one change. Returns the images that it touched. Throws CONFLICT when a row is not as the change expects it. */
export function applyChange(db: Database, change: Change): string[] {
  if (change.table === 'reviews') return applyToReviews(db, change);
  if ('keys' in change) return applyToMany(db, change);
  if (change.table === 'categories') applyToCategory(db, change);
  else applyToRow(db, change);
  return change.imageId === null ? [] : [change.imageId];
}

function applyToRow(db: Database, change: RowChange): void {
  const { table, key, before, after } = change;
  const keyColumn = columns[table].key;
  if (after === null) {
    const { changes } = db.run(`DELETE FROM ${table} WHERE ${keyColumn} = ?`, [key]);
    expectAll(changes, 1, change);
    return;
  }
  const { names, values } = checkedColumns(table, after);
  if (before === null) {
    // The same entry of a file may have been imported again since; that one is known by the key now.
    const place = table === 'annotations' && isImported(db, after) ? names.indexOf('import_key') : -1;
    if (place >= 0) values[place] = null;
    const marks = names.map(() => '?').join(', ');
    db.run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${marks})`, values);
    return;
  }
  const assignments = names.map((name) => `${name} = ?`).join(', ');
  const { changes } = db.run(`UPDATE ${table} SET ${assignments} WHERE ${keyColumn} = ?`, [...values, key]);
  expectAll(changes, 1, change);
}

function isImported(db: Database, row: ChangedRow): boolean {
  const sql = 'SELECT count(*) AS n FROM annotations WHERE image_id = ? AND import_key = ?';
  return db.count(sql, [row.image_id ?? null, row.import_key ?? null]) > 0;
}

/**
 * Imports are no part of undo and may have used a class, or taken its hotkey, since the change was made. Undoing its
 * creation then leaves the class, and its hotkey comes back to it.
 */
function applyToCategory(db: Database, change: RowChange): void {
  const { key, before, after } = change;
  const isThere = db.count('SELECT count(*) AS n FROM categories WHERE id = ?', [key]) > 0;
  const isUsed = db.count('SELECT count(*) AS n FROM annotations WHERE category_id = ? LIMIT 1', [key]) > 0;
  if (after === null && isUsed) return;
  if (before === null && isThere) return;
  const hotkey = after?.hotkey ?? null;
  if (hotkey !== null) db.run('UPDATE categories SET hotkey = NULL WHERE hotkey = ?', [hotkey]);
  applyToRow(db, change);
}

const keyRow = z.object({ image_id: z.string() });

function applyToMany(db: Database, change: ColumnChange): string[] {
  const { column, keys, before, after } = change;
  const list = JSON.stringify(keys);
  const { changes } = db.run(
    `UPDATE annotations SET ${column} = ? WHERE id IN (SELECT value FROM json_each(?)) AND ${column} = ?`,
    [after, list, before],
  );
  expectAll(changes, keys.length, change);
  const images = 'SELECT DISTINCT image_id FROM annotations WHERE id IN (SELECT value FROM json_each(?))';
  return db.all(keyRow, images, [list]).map((row) => row.image_id);
}

/** A class's name in the queue follows the class; entries that have another by now are left. */
function applyToReviews(db: Database, { keys, before, after }: ReviewChange): string[] {
  const list = JSON.stringify(keys);
  const these = 'trajectory_id IN (SELECT value FROM json_each(?))';
  db.run(`UPDATE reviews SET class = ? WHERE ${these} AND class = ?`, [after, list, before]);
  return db
    .all(keyRow, `SELECT DISTINCT image_id FROM reviews WHERE ${these}`, [list])
    .map((row) => row.image_id);
}

function expectAll(count: number, expected: number, change: Change): void {
  if (count === expected) return;
  const entry = 'keys' in change ? `${expected - count} of ${expected}` : `${change.key}`;
  throw new MaskwrightError('CONFLICT', `The ${change.table} entry ${entry} is not there any more.`, {
    hint: 'Reload the project.',
  });
}
