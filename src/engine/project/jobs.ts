import type { JobState } from '@shared/contract/methods';
import { z } from 'zod';
import type { Database } from './database';
import { jobRow } from './rows';

const failuresSchema = z.array(z.object({ item: z.string(), message: z.string() }));

/** Kind of the job of a run, whose items are stored one by one. */
export const runJobKind = 'run';

const jobColumns = 'id, kind, label, status, done, total, message, failures';

function jobOf(row: z.output<typeof jobRow>): JobState {
  return { ...row, failures: failuresSchema.parse(JSON.parse(row.failures)), rate: null, eta: null };
}

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
    return this.#db
      .all(jobRow, `SELECT ${jobColumns} FROM jobs ORDER BY seq DESC LIMIT ?`, [limit])
      .map(jobOf);
  }

  /** A job by its id; null when there is none. */
  storedJob(jobId: string): JobState | null {
    const row = this.#db.get(jobRow, `SELECT ${jobColumns} FROM jobs WHERE id = ?`, [jobId]);
    return row && jobOf(row);
  }

  /** A job that ran when the last process ended cannot be running now; a run can go on where it was. */
  failInterrupted(): void {
    this.#db.run(
      `UPDATE jobs SET status = 'paused', message = ? WHERE status IN ('running', 'queued') AND kind = ?`,
      ['Interrupted when Maskwright closed. What is done is kept: resume to do the rest.', runJobKind],
    );
    this.#db.run(`UPDATE jobs SET status = 'failed', message = ? WHERE status IN ('running', 'queued')`, [
      'Interrupted when Maskwright closed. Start it again: what is done already is kept and skipped.',
    ]);
  }
}
