import { existsSync } from 'node:fs';
import { MaskwrightError } from '@shared/contract/errors';
import type { Database } from './database';

export interface Migration {
  /** The schema version that it leads to: 1, 2, 3 … without gaps. */
  version: number;
  name: string;
  sql: string;
}

/** Numbered schema changes. Never edit one that was released: append another. */
export const migrations: readonly Migration[] = [
  {
    version: 1,
    name: 'images, categories, annotations, trajectories, journal, jobs, settings',
    sql: `
      CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

      -- Folders that hold images. Relative to the project file's folder where inside it, else absolute.
      CREATE TABLE roots (id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE) STRICT;

      CREATE TABLE images (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        root_id INTEGER NOT NULL REFERENCES roots(id),
        path TEXT NOT NULL,
        name TEXT NOT NULL,
        sort_key TEXT NOT NULL,
        search TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        width INTEGER NOT NULL CHECK (width > 0),
        height INTEGER NOT NULL CHECK (height > 0),
        state TEXT NOT NULL CHECK (state IN ('todo', 'review', 'done')),
        coco_id INTEGER UNIQUE,
        original TEXT,
        UNIQUE (root_id, path)
      ) STRICT;
      CREATE INDEX images_by_name ON images (sort_key, seq);
      CREATE INDEX images_by_state ON images (state, sort_key, seq);

      CREATE TABLE categories (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL,
        supercategory TEXT NOT NULL,
        color TEXT NOT NULL,
        original TEXT
      ) STRICT;
      CREATE INDEX categories_by_name ON categories (name);

      CREATE TABLE annotations (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        image_id TEXT NOT NULL REFERENCES images(id),
        category_id INTEGER NOT NULL REFERENCES categories(id),
        mask_height INTEGER NOT NULL,
        mask_width INTEGER NOT NULL,
        mask_counts TEXT NOT NULL,
        bbox_x REAL NOT NULL,
        bbox_y REAL NOT NULL,
        bbox_width REAL NOT NULL,
        bbox_height REAL NOT NULL,
        area REAL NOT NULL,
        iscrowd INTEGER NOT NULL,
        author TEXT NOT NULL,
        score REAL,
        query TEXT,
        trajectory_id TEXT,
        created_at TEXT NOT NULL,
        import_key TEXT,
        mask_edited INTEGER NOT NULL,
        original TEXT
      ) STRICT;
      CREATE INDEX annotations_by_image ON annotations (image_id, id);
      CREATE INDEX annotations_by_category ON annotations (category_id);
      CREATE UNIQUE INDEX annotations_by_import ON annotations (image_id, import_key) WHERE import_key IS NOT NULL;

      CREATE TABLE trajectories (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        image_id TEXT NOT NULL REFERENCES images(id),
        query TEXT NOT NULL,
        status TEXT NOT NULL,
        turns INTEGER NOT NULL,
        author TEXT NOT NULL,
        created_at TEXT NOT NULL,
        outcome TEXT NOT NULL,
        body TEXT NOT NULL
      ) STRICT;
      CREATE INDEX trajectories_by_image ON trajectories (image_id, seq);

      CREATE TABLE journal (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN ('mark', 'undo', 'redo', 'event')),
        target INTEGER,
        label TEXT NOT NULL,
        at TEXT NOT NULL,
        changes TEXT NOT NULL
      ) STRICT;
      CREATE TRIGGER journal_keeps_entries BEFORE UPDATE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
      CREATE TRIGGER journal_keeps_all BEFORE DELETE ON journal
        BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

      CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        label TEXT NOT NULL,
        status TEXT NOT NULL,
        done INTEGER NOT NULL,
        total INTEGER,
        message TEXT,
        failures TEXT NOT NULL,
        at TEXT NOT NULL
      ) STRICT;
    `,
  },
];

function latest(list: readonly Migration[]): number {
  return list.reduce((highest, migration) => Math.max(highest, migration.version), 0);
}

function backupName(file: string, version: number): string {
  const base = `${file}.v${version}`;
  for (let copy = 1; ; copy += 1) {
    const name = copy === 1 ? `${base}.bak` : `${base}-${copy}.bak`;
    if (!existsSync(name)) return name;
  }
}

/**
 * Brings a database to the newest schema, each step in its own transaction, after writing a copy of a file that
 * already had data. Returns the path of the copy, or null when none was needed.
 * Throws PROJECT_UNREADABLE when the file was written by a newer version; the file is then untouched.
 */
export function migrate(db: Database, list: readonly Migration[] = migrations): string | null {
  const from = db.readPragma('user_version');
  const to = latest(list);
  if (from > to) {
    throw new MaskwrightError(
      'PROJECT_UNREADABLE',
      `The project was written by a newer version of Maskwright (format ${from}, this one reads up to ${to}).`,
      { hint: 'Update Maskwright, then open the project again. Nothing was changed in it.' },
    );
  }
  if (from === to) return null;
  let backup: string | null = null;
  if (from > 0) {
    backup = backupName(db.file, from);
    db.copyTo(backup);
  }
  const pending = list.filter((migration) => migration.version > from);
  for (const migration of pending.sort((a, b) => a.version - b.version)) {
    db.transaction(() => {
      db.exec(migration.sql);
      db.writePragma('user_version', migration.version);
    });
  }
  return backup;
}
