import { MaskwrightError } from '@shared/contract/errors';
import type { RunItem, RunPlan } from '@shared/contract/methods';
import { runItemSchema, runPlanSchema, runPolicySchema } from '@shared/contract/methods';
import type { Trajectory } from '@shared/trajectory/schema';
import { z } from 'zod';
import type { Database } from './database';
import type { Journal } from './journal';
import type { Reviews } from './reviews';
import type { Trajectories } from './trajectories';

/** What a run is to do, as it is planned. */
export interface NewRun {
  id: string;
  label: string;
  /** Name of the policy. */
  policyName: string;
  plan: RunPlan;
  items: readonly NewRunItem[];
}

export interface NewRunItem {
  imageId: string;
  query: string;
  /** Null when its results have no class yet. */
  className: string | null;
  /** Trajectory to play again; null for other policies. */
  recording: string | null;
}

export interface StoredRun {
  id: string;
  label: string;
  policy: RunPlan['policy'];
  policyName: string;
  createdAt: string;
}

export interface RunCounts {
  total: number;
  done: number;
  failed: number;
  waiting: number;
  toReview: number;
}

/** An item with what is needed to do it. */
export interface RunWork extends NewRunItem {
  place: number;
}

const runRow = z.object({
  id: z.string(),
  label: z.string(),
  policy: runPolicySchema,
  policy_name: z.string(),
  created_at: z.string(),
});
const stateCount = z.object({ state: runItemSchema.shape.state, n: z.number().int() });
const itemRow = z.object({
  place: z.number().int(),
  image_id: z.string(),
  image_name: z.string(),
  query: z.string(),
  class: z.string(),
  state: runItemSchema.shape.state,
  trajectory_id: z.string().nullable(),
  message: z.string().nullable(),
  hint: z.string().nullable(),
});
const workRow = z.object({
  place: z.number().int(),
  image_id: z.string(),
  query: z.string(),
  class: z.string(),
  recording: z.string().nullable(),
});

const storedOf = (row: z.output<typeof runRow>): StoredRun => ({
  id: row.id,
  label: row.label,
  policy: row.policy,
  policyName: row.policy_name,
  createdAt: row.created_at,
});

/** The runs of a project: what was planned, and which of their items are done. Not part of undo; their results are. */
export class Runs {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #trajectories: Trajectories;
  readonly #reviews: Reviews;

  constructor(db: Database, journal: Journal, topics: { trajectories: Trajectories; reviews: Reviews }) {
    this.#db = db;
    this.#journal = journal;
    this.#trajectories = topics.trajectories;
    this.#reviews = topics.reviews;
  }

  /** Stores a planned run with all its items in one commit. */
  createRun(run: NewRun): void {
    this.#journal.write(() => {
      this.#db.run(
        `INSERT INTO runs (id, seq, label, policy, policy_name, plan, created_at)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM runs), ?, ?, ?, ?, ?)`,
        [
          run.id,
          run.label,
          run.plan.policy,
          run.policyName,
          // The text of a file of queries has become items.
          JSON.stringify(
            run.plan.queries.kind === 'file'
              ? { ...run.plan, queries: { ...run.plan.queries, text: '' } }
              : run.plan,
          ),
          new Date().toISOString(),
        ],
      );
      for (const [index, item] of run.items.entries()) {
        this.#db.run(
          `INSERT INTO run_items (run_id, place, image_id, query, class, recording, state)
           VALUES (?, ?, ?, ?, ?, ?, 'waiting')`,
          [run.id, index + 1, item.imageId, item.query, item.className ?? '', item.recording],
        );
      }
    });
  }

  /** Throws NOT_FOUND. */
  runById(runId: string): StoredRun {
    const sql = 'SELECT id, label, policy, policy_name, created_at FROM runs WHERE id = ?';
    const row = this.#db.get(runRow, sql, [runId]);
    if (row === null) throw unknownRun();
    return storedOf(row);
  }

  /** Throws NOT_FOUND. */
  runPlan(runId: string): RunPlan {
    const row = this.#db.get(z.object({ plan: z.string() }), 'SELECT plan FROM runs WHERE id = ?', [runId]);
    if (row === null) throw unknownRun();
    return runPlanSchema.parse(JSON.parse(row.plan));
  }

  /** Newest first. */
  listRuns(): StoredRun[] {
    const sql = 'SELECT id, label, policy, policy_name, created_at FROM runs ORDER BY seq DESC';
    return this.#db.all(runRow, sql).map(storedOf);
  }

  runCounts(runId: string): RunCounts {
    const counts = { total: 0, done: 0, failed: 0, waiting: 0, toReview: 0 };
    const sql = 'SELECT state, count(*) AS n FROM run_items WHERE run_id = ? GROUP BY state';
    for (const { state, n } of this.#db.all(stateCount, sql, [runId])) {
      counts[state] = n;
      counts.total += n;
    }
    counts.toReview = this.#db.count('SELECT count(*) AS n FROM reviews WHERE run_id = ? AND waiting = 1', [
      runId,
    ]);
    return counts;
  }

  /** A page of a run's items in the order of the plan. */
  runItems(
    runId: string,
    options: { state: RunItem['state'] | null; offset: number; limit: number },
  ): { total: number; items: RunItem[] } {
    const where = options.state === null ? 'run_id = ?' : 'run_id = ? AND r.state = ?';
    const values = options.state === null ? [runId] : [runId, options.state];
    const total = this.#db.count(`SELECT count(*) AS n FROM run_items r WHERE ${where}`, values);
    const rows = this.#db.all(
      itemRow,
      `SELECT r.place, r.image_id, i.name AS image_name, r.query, r.class, r.state, r.trajectory_id, r.message, r.hint
       FROM run_items r JOIN images i ON i.id = r.image_id WHERE ${where} ORDER BY r.place LIMIT ? OFFSET ?`,
      [...values, options.limit, options.offset],
    );
    const items = rows.map(
      (row): RunItem => ({
        place: row.place,
        imageId: row.image_id,
        imageName: row.image_name,
        query: row.query,
        className: row.class === '' ? null : row.class,
        state: row.state,
        trajectoryId: row.trajectory_id,
        message: row.message,
        hint: row.hint,
      }),
    );
    return { total, items };
  }

  /** The next items to do after a place, in the order of the plan. */
  waitingItems(runId: string, after: number, limit: number): RunWork[] {
    const sql = `SELECT place, image_id, query, class, recording FROM run_items
      WHERE run_id = ? AND state = 'waiting' AND place > ? ORDER BY place LIMIT ?`;
    return this.#db.all(workRow, sql, [runId, after, limit]).map((row) => ({
      place: row.place,
      imageId: row.image_id,
      query: row.query,
      className: row.class === '' ? null : row.class,
      recording: row.recording,
    }));
  }

  /** Stores an item's result, puts it in the review queue and calls the item done, in one commit. */
  finishRunItem(runId: string, place: number, trajectory: Trajectory, imageId: string): void {
    this.#journal.write(() => {
      this.#trajectories.saveTrajectory(trajectory, imageId);
      this.#reviews.assign(trajectory.header.id, runId);
      this.#db.run(
        `UPDATE run_items SET state = 'done', trajectory_id = ?, message = NULL, hint = NULL
         WHERE run_id = ? AND place = ?`,
        [trajectory.header.id, runId, place],
      );
    });
  }

  failRunItem(runId: string, place: number, message: string, hint: string): void {
    this.#db.run(
      `UPDATE run_items SET state = 'failed', message = ?, hint = ? WHERE run_id = ? AND place = ?`,
      [message, hint, runId, place],
    );
  }

  /** Which classes have annotations on which images, as `imageId` and class name; for plans over many images. */
  annotatedClasses(): { imageId: string; className: string }[] {
    const row = z.object({ image_id: z.string(), name: z.string() });
    const sql = `SELECT a.image_id, c.name FROM (SELECT DISTINCT category_id, image_id FROM annotations) a
      JOIN categories c ON c.id = a.category_id`;
    return this.#db.all(row, sql).map(({ image_id, name }) => ({ imageId: image_id, className: name }));
  }

  /** Every trajectory with turns and a query, oldest first. */
  recordings(): { id: string; imageId: string; query: string }[] {
    const row = z.object({ id: z.string(), image_id: z.string(), query: z.string() });
    const sql = `SELECT id, image_id, query FROM trajectories WHERE turns > 0 AND query <> '' ORDER BY seq`;
    return this.#db.all(row, sql).map(({ id, image_id, query }) => ({ id, imageId: image_id, query }));
  }

  /** Puts failed items back to be done: all of them, or those of some places. */
  retryRunItems(runId: string, places: readonly number[] | null = null): void {
    const sql = `UPDATE run_items SET state = 'waiting', message = NULL, hint = NULL
      WHERE run_id = ? AND state = 'failed'`;
    this.#journal.write(() => {
      if (places === null) this.#db.run(sql, [runId]);
      else for (const place of places) this.#db.run(`${sql} AND place = ?`, [runId, place]);
    });
  }
}

function unknownRun(): MaskwrightError {
  return new MaskwrightError('NOT_FOUND', 'There is no such run.', { hint: 'Reload the list of runs.' });
}
