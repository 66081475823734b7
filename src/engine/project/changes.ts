import { MaskwrightError } from '@shared/contract/errors';
import { z } from 'zod';
import type { Database } from './database';
import type { SqlInput } from './sql-parameters';

/** Reversible changes of rows: what the journal keeps and undo plays backwards. */

const columns = {
  images: { key: 'id', columns: ['state'] },
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
    ],
  },
  trajectories: { key: 'id', columns: ['outcome', 'status'] },
} as const;

const valueSchema = z.union([z.string(), z.number(), z.null()]);
const rowSchema = z.record(z.string(), valueSchema);
export type ChangedRow = z.infer<typeof rowSchema>;

export const changeSchema = z.object({
  table: z.enum(['images', 'annotations', 'trajectories']),
  key: z.union([z.string(), z.number()]),
  imageId: z.string(),
  /** Null: the row did not exist. With both sides set: only the columns that differ. */
  before: rowSchema.nullable(),
  /** Null: the row is gone. */
  after: rowSchema.nullable(),
});
export type Change = z.infer<typeof changeSchema>;

export const changesSchema = z.array(changeSchema);

/** The opposite of a list of changes, in the opposite order. */
export function inverted(changes: readonly Change[]): Change[] {
  return [...changes].reverse().map((change) => ({ ...change, before: change.after, after: change.before }));
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

function checkedColumns(table: Change['table'], row: ChangedRow): { names: string[]; values: SqlInput[] } {
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

/** Makes one change. Throws CONFLICT when the row is not there as the change expects it. */
export function applyChange(db: Database, change: Change): void {
  const { table, key, before, after } = change;
  const keyColumn = columns[table].key;
  if (after === null) {
    const { changes } = db.run(`DELETE FROM ${table} WHERE ${keyColumn} = ?`, [key]);
    expectOne(changes, change);
    return;
  }
  const { names, values } = checkedColumns(table, after);
  if (before === null) {
    const marks = names.map(() => '?').join(', ');
    db.run(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${marks})`, values);
    return;
  }
  const assignments = names.map((name) => `${name} = ?`).join(', ');
  const { changes } = db.run(`UPDATE ${table} SET ${assignments} WHERE ${keyColumn} = ?`, [...values, key]);
  expectOne(changes, change);
}

function expectOne(count: number, change: Change): void {
  if (count === 1) return;
  throw new MaskwrightError('CONFLICT', `The ${change.table} entry ${change.key} is not there any more.`, {
    hint: 'Reload the project.',
  });
}
