import type { Rle } from '@shared/mask/rle';
import { z } from 'zod';
import type { Database } from './database';
import { journalRow } from './rows';

const episodeRow = z.object({
  id: z.string(),
  seq: z.number().int(),
  image_id: z.string(),
  body: z.string(),
  outcome: z.string(),
  decision: z.string().nullable(),
  settled_at: z.string().nullable(),
  run_id: z.string().nullable(),
});
export type EpisodeRow = z.infer<typeof episodeRow>;

const markRow = journalRow.extend({ at: z.string(), changes: z.string() });
export type JournalTextRow = z.infer<typeof markRow>;

const madeRow = z.object({
  category_id: z.number().int(),
  mask_height: z.number().int(),
  mask_width: z.number().int(),
  mask_counts: z.string(),
  created_at: z.string(),
});
/** An annotation of an episode as it is now. */
export interface MadeAnnotation {
  categoryId: number;
  mask: Rle;
  createdAt: string;
}

const runRow = z.object({ id: z.string(), label: z.string() });

const episodes = `SELECT t.id, t.seq, t.image_id, t.body, t.outcome, t.decision, t.settled_at, r.run_id
  FROM trajectories t LEFT JOIN reviews r ON r.trajectory_id = t.id`;

/** What statistics read, a page at a time and as it is stored: nothing here writes. */
export class InsightRows {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Episodes after a place in the order of saving. */
  episodesAfter(seq: number, limit: number): EpisodeRow[] {
    return this.#db.all(episodeRow, `${episodes} WHERE t.seq > ? ORDER BY t.seq LIMIT ?`, [seq, limit]);
  }

  episodesOfImage(imageId: string): EpisodeRow[] {
    return this.#db.all(episodeRow, `${episodes} WHERE t.image_id = ? ORDER BY t.seq`, [imageId]);
  }

  /** Entries of the journal after a place in it. */
  journalAfter(seq: number, limit: number): JournalTextRow[] {
    const sql = 'SELECT seq, kind, target, at, changes FROM journal WHERE seq > ? ORDER BY seq LIMIT ?';
    return this.#db.all(markRow, sql, [seq, limit]);
  }

  /** The annotations that an episode made, as they are now. */
  annotationsOfEpisode(imageId: string, trajectoryId: string): MadeAnnotation[] {
    const sql = `SELECT category_id, mask_height, mask_width, mask_counts, created_at FROM annotations
      WHERE image_id = ? AND trajectory_id = ? ORDER BY id`;
    return this.#db.all(madeRow, sql, [imageId, trajectoryId]).map((row) => ({
      categoryId: row.category_id,
      mask: { size: [row.mask_height, row.mask_width], counts: row.mask_counts },
      createdAt: row.created_at,
    }));
  }

  /** Runs by name, newest first. */
  runLabels(): { id: string; label: string }[] {
    return this.#db.all(runRow, 'SELECT id, label FROM runs ORDER BY seq DESC');
  }
}
