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
  {
    version: 2,
    name: 'notes, flags and counts of images; order, hotkeys and attributes of classes; order and locks of annotations',
    // Counts are kept by triggers, so that a list of 100,000 images counts nothing, also when undo puts rows back.
    sql: `
      ALTER TABLE images ADD COLUMN note TEXT NOT NULL DEFAULT '';
      ALTER TABLE images ADD COLUMN flagged INTEGER NOT NULL DEFAULT 0;
      -- Why the file could not be read when it was last tried.
      ALTER TABLE images ADD COLUMN problem TEXT;
      ALTER TABLE images ADD COLUMN annotation_count INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE images ADD COLUMN trajectory_count INTEGER NOT NULL DEFAULT 0;
      -- Milliseconds since 1970 of the last change of its masks, state, note or flag.
      ALTER TABLE images ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;

      ALTER TABLE categories ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE categories ADD COLUMN hotkey INTEGER CHECK (hotkey BETWEEN 1 AND 9);
      ALTER TABLE categories ADD COLUMN attributes TEXT NOT NULL DEFAULT '[]';
      ALTER TABLE categories ADD COLUMN annotation_count INTEGER NOT NULL DEFAULT 0;

      ALTER TABLE annotations ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
      ALTER TABLE annotations ADD COLUMN z INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE annotations ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
      ALTER TABLE annotations ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0;

      CREATE TABLE image_counts (state TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
      INSERT INTO image_counts SELECT 'todo', count(*) FROM images WHERE state = 'todo';
      INSERT INTO image_counts SELECT 'review', count(*) FROM images WHERE state = 'review';
      INSERT INTO image_counts SELECT 'done', count(*) FROM images WHERE state = 'done';

      UPDATE annotations SET z = id;
      UPDATE categories SET
        position = (SELECT count(*) FROM categories c WHERE c.id <= categories.id),
        annotation_count = (SELECT count(*) FROM annotations a WHERE a.category_id = categories.id);
      UPDATE categories SET hotkey = position WHERE position <= 9;
      UPDATE images SET
        annotation_count = (SELECT count(*) FROM annotations a WHERE a.image_id = images.id),
        trajectory_count = (SELECT count(*) FROM trajectories t WHERE t.image_id = images.id AND t.turns > 0),
        changed_at = coalesce(CAST(unixepoch(
          (SELECT max(a.created_at) FROM annotations a WHERE a.image_id = images.id), 'subsec') * 1000 AS INTEGER), 0);
      CREATE UNIQUE INDEX categories_by_hotkey ON categories (hotkey) WHERE hotkey IS NOT NULL;

      CREATE TRIGGER images_added AFTER INSERT ON images BEGIN
        UPDATE image_counts SET n = n + 1 WHERE state = NEW.state;
      END;
      CREATE TRIGGER images_moved AFTER UPDATE OF state ON images WHEN OLD.state <> NEW.state BEGIN
        UPDATE image_counts SET n = n - 1 WHERE state = OLD.state;
        UPDATE image_counts SET n = n + 1 WHERE state = NEW.state;
      END;
      CREATE TRIGGER images_changed AFTER UPDATE OF state, note, flagged ON images BEGIN
        UPDATE images SET changed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE seq = NEW.seq;
      END;

      -- Rows that were journalled by an older version come back without an order.
      CREATE TRIGGER annotations_ordered AFTER INSERT ON annotations WHEN NEW.z = 0 BEGIN
        UPDATE annotations SET z = id WHERE id = NEW.id;
      END;
      CREATE TRIGGER annotations_added AFTER INSERT ON annotations BEGIN
        UPDATE images SET annotation_count = annotation_count + 1,
          changed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE id = NEW.image_id;
        UPDATE categories SET annotation_count = annotation_count + 1 WHERE id = NEW.category_id;
      END;
      CREATE TRIGGER annotations_removed AFTER DELETE ON annotations BEGIN
        UPDATE images SET annotation_count = annotation_count - 1,
          changed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE id = OLD.image_id;
        UPDATE categories SET annotation_count = annotation_count - 1 WHERE id = OLD.category_id;
      END;
      CREATE TRIGGER annotations_changed AFTER UPDATE OF mask_counts, category_id, attributes ON annotations BEGIN
        UPDATE images SET changed_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) WHERE id = NEW.image_id;
      END;
      CREATE TRIGGER annotations_reclassed AFTER UPDATE OF category_id ON annotations
        WHEN OLD.category_id <> NEW.category_id BEGIN
        UPDATE categories SET annotation_count = annotation_count - 1 WHERE id = OLD.category_id;
        UPDATE categories SET annotation_count = annotation_count + 1 WHERE id = NEW.category_id;
      END;

      CREATE TRIGGER trajectories_added AFTER INSERT ON trajectories WHEN NEW.turns > 0 BEGIN
        UPDATE images SET trajectory_count = trajectory_count + 1 WHERE id = NEW.image_id;
      END;
      CREATE TRIGGER trajectories_grown AFTER UPDATE OF turns, image_id ON trajectories
        WHEN OLD.image_id <> NEW.image_id OR (OLD.turns > 0) <> (NEW.turns > 0) BEGIN
        UPDATE images SET trajectory_count = trajectory_count - (OLD.turns > 0) WHERE id = OLD.image_id;
        UPDATE images SET trajectory_count = trajectory_count + (NEW.turns > 0) WHERE id = NEW.image_id;
      END;

      -- One index for each order of the list; the last column of the first two makes searches and counts read it alone.
      DROP INDEX images_by_name;
      DROP INDEX images_by_state;
      CREATE INDEX images_by_name ON images (sort_key, seq, search);
      CREATE INDEX images_by_state ON images (state, sort_key, seq, search);
      CREATE INDEX images_by_progress ON images (CASE state WHEN 'todo' THEN 0 WHEN 'review' THEN 1 ELSE 2 END, sort_key, seq);
      CREATE INDEX images_by_size ON images (width * height, seq);
      CREATE INDEX images_by_masks ON images (annotation_count, seq);
      CREATE INDEX images_by_change ON images (changed_at, seq);
      CREATE INDEX images_by_flag ON images (seq) WHERE flagged = 1;
      CREATE INDEX images_by_note ON images (seq) WHERE note <> '';
      CREATE INDEX images_by_problem ON images (seq) WHERE problem IS NOT NULL;
      DROP INDEX annotations_by_category;
      CREATE INDEX annotations_by_category ON annotations (category_id, image_id);
      CREATE INDEX annotations_by_author ON annotations (author, image_id);
    `,
  },
  {
    version: 3,
    name: 'runs with their items; the review queue; when a trajectory was settled, and by which verdicts',
    // Reviews follow the status of their trajectory by a trigger, also when undo puts it back.
    sql: `
      -- Verdicts of a decision that was made without opening the episode; undo takes them back with the outcome.
      ALTER TABLE trajectories ADD COLUMN decision TEXT;
      ALTER TABLE trajectories ADD COLUMN settled_at TEXT;
      CREATE INDEX trajectories_by_settling ON trajectories (settled_at) WHERE settled_at IS NOT NULL;

      CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        seq INTEGER NOT NULL UNIQUE,
        label TEXT NOT NULL,
        policy TEXT NOT NULL,
        policy_name TEXT NOT NULL,
        plan TEXT NOT NULL,
        created_at TEXT NOT NULL
      ) STRICT;
      CREATE TABLE run_items (
        run_id TEXT NOT NULL REFERENCES runs(id),
        place INTEGER NOT NULL,
        image_id TEXT NOT NULL REFERENCES images(id),
        query TEXT NOT NULL,
        class TEXT NOT NULL,
        -- Trajectory to play again.
        recording TEXT,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
        trajectory_id TEXT,
        message TEXT,
        hint TEXT,
        PRIMARY KEY (run_id, place)
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX run_items_by_state ON run_items (run_id, state, place);

      CREATE TABLE reviews (
        trajectory_id TEXT PRIMARY KEY REFERENCES trajectories(id),
        seq INTEGER NOT NULL,
        waiting INTEGER NOT NULL,
        image_id TEXT NOT NULL REFERENCES images(id),
        run_id TEXT,
        query TEXT NOT NULL,
        class TEXT NOT NULL,
        result TEXT NOT NULL,
        author TEXT NOT NULL,
        turns INTEGER NOT NULL,
        score REAL,
        disagreement REAL,
        -- 0 until score, disagreement and what follows were taken from the trajectory.
        measured INTEGER NOT NULL,
        mask_count INTEGER NOT NULL,
        bbox TEXT,
        masks TEXT NOT NULL,
        path TEXT NOT NULL
      ) STRICT;
      CREATE INDEX reviews_by_seq ON reviews (waiting, seq);
      CREATE INDEX reviews_by_score ON reviews (waiting, score IS NULL, score, seq);
      CREATE INDEX reviews_by_disagreement ON reviews (waiting, disagreement IS NULL, disagreement, seq);
      CREATE INDEX reviews_by_image ON reviews (image_id, waiting);
      CREATE INDEX reviews_by_run ON reviews (run_id, waiting);
      CREATE INDEX reviews_by_class ON reviews (waiting, class);
      CREATE INDEX reviews_by_author ON reviews (waiting, author);
      CREATE INDEX reviews_to_measure ON reviews (seq) WHERE measured = 0;
      INSERT INTO reviews SELECT id, seq, 1, image_id, NULL, query, '', status, author, turns, NULL, NULL, 0, 0, NULL,
        '[]', '[]' FROM trajectories WHERE status IN ('finished', 'no_target', 'truncated');

      CREATE TRIGGER trajectories_decided AFTER UPDATE OF status ON trajectories WHEN OLD.status <> NEW.status BEGIN
        UPDATE trajectories SET settled_at =
          CASE WHEN NEW.status IN ('accepted', 'rejected') THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END
          WHERE id = NEW.id;
        UPDATE reviews SET waiting = NEW.status NOT IN ('accepted', 'rejected', 'failed')
          WHERE trajectory_id = NEW.id;
      END;
      CREATE TRIGGER categories_renamed AFTER UPDATE OF name ON categories WHEN OLD.name <> NEW.name BEGIN
        UPDATE reviews SET class = NEW.name WHERE class = OLD.name;
      END;
    `,
  },
  {
    version: 4,
    name: 'the review queue follows a class through the journal',
    // By its text alone the trigger also changed, when a new name was undone, what had that name before.
    sql: 'DROP TRIGGER categories_renamed;',
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
