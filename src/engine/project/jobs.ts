import type { JobState } from '@shared/contract/methods';
import { z } from 'zod';
import type { Database } from './database';
import { jobRow } from './rows';

const failuresSchema = z.array(z.object({ item: z.string(), message: z.string() }));

/** The jobs of a project as they are remembered over a restart; `engine/jobs` runs them. */
export class Jobs {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Stores a job's state, so that it is known after a restart. */
  saveJob(job: JobState): void {
    this.#db.run(
      `INSERT INTO jobs (id, seq, kind, label, status, done, total, message, failures, at)
       VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM jobs), ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET status = excluded.status, done = excluded.done, total = excluded.total,
         message = excluded.message, failures = excluded.failures, at = excluded.at`,
      [
        job.id,
        job.kind,
        job.label,
        job.status,
        job.done,
        job.total,
        job.message,
        JSON.stringify(job.failures),
        new Date().toISOString(),
      ],
    );
  }

  /** The last jobs, newest first. */
  listJobs(limit = 100): JobState[] {
    const sql = `SELECT id, kind, label, status, done, total, message, failures FROM jobs ORDER BY seq DESC LIMIT ?`;
    return this.#db.all(jobRow, sql, [limit]).map((row) => ({
      ...row,
      failures: failuresSchema.parse(JSON.parse(row.failures)),
      rate: null,
      eta: null,
    }));
  }

  /** A job that ran when the last process ended cannot be running now. */
  failInterrupted(): void {
    this.#db.run(`UPDATE jobs SET status = 'failed', message = ? WHERE status = 'running'`, [
      'Interrupted when Maskwright closed. Start it again: what is done already is kept and skipped.',
    ]);
  }
}
