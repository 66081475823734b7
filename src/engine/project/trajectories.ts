import { MaskwrightError } from '@shared/contract/errors';
import type { TrajectorySummary } from '@shared/contract/methods';
import { type Outcome, outcomeSchema, type Trajectory } from '@shared/trajectory/schema';
import { z } from 'zod';
import type { Database } from './database';
import type { ImageStates } from './image-states';
import type { Images } from './images';
import type { Journal } from './journal';
import type { Reviews } from './reviews';
import { numberRow, textRow, trajectoryRow } from './rows';
import { checkedTrajectory, parseTrajectory, summarise, withoutDecision } from './trajectory-rows';

/** Whether the agent has ended the episode and nobody decided about it. */
export const isResult = (status: Outcome['status']): boolean =>
  status === 'finished' || status === 'no_target' || status === 'truncated';

/** Whether somebody decided about the episode. */
const isSettled = (status: Outcome['status']): boolean => status === 'accepted' || status === 'rejected';

const unknownTrajectory = (): MaskwrightError =>
  new MaskwrightError('NOT_FOUND', 'The trajectory is not in the project.');

/** The recorded episodes of a project. They are kept for good; only their acceptance is undone. */
export class Trajectories {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #images: Images;
  readonly #states: ImageStates;
  readonly #reviews: Reviews;

  constructor(
    db: Database,
    journal: Journal,
    topics: { images: Images; states: ImageStates; reviews: Reviews },
  ) {
    this.#db = db;
    this.#journal = journal;
    this.#images = topics.images;
    this.#states = topics.states;
    this.#reviews = topics.reviews;
  }

  /**
   * Inserts a trajectory or replaces the one of the same id. Not part of undo. Whether it is settled is decided by
   * `Acceptance`, undo and redo alone: saving takes no decision back, nor makes an acceptance for a known id.
   * A result nobody decided about waits in the review queue and puts a todo image in review; rejecting the
   * last one puts it back.
   */
  saveTrajectory(trajectory: Trajectory, imageId: string): void {
    this.#journal.write(() => {
      this.#images.imageById(imageId);
      this.put(trajectory, imageId, false);
      const { status } = trajectory.outcome;
      if (isResult(status)) {
        const decided = this.outcomeOf(trajectory.header.id)?.status ?? status;
        this.#reviews.note(trajectory, imageId, isResult(decided));
        this.#states.derive(imageId, 'todo', 'review');
      } else if (status === 'rejected' && this.#reviews.waitingOn(imageId) === 0) {
        this.#states.derive(imageId, 'review', 'todo');
      }
    });
  }

  hasTrajectory(trajectoryId: string): boolean {
    return this.outcomeOf(trajectoryId) !== null;
  }

  /** Writes a trajectory's row. With `decides` its outcome is taken as it is, whatever was stored before. */
  put(input: Trajectory, imageId: string, decides: boolean): void {
    const { id } = input.header;
    const stored = this.outcomeOf(id);
    const isDecided = !decides && stored !== null && isSettled(stored.status);
    // Undo takes a decision's verdicts back, so they stay out of the body.
    const { rest, decision } = isDecided
      ? withoutDecision(input, this.settledColumns(id).decision)
      : { rest: input, decision: null };
    const { trajectory, body } = checkedTrajectory(rest);
    const keeps = isDecided || (!decides && trajectory.outcome.status === 'accepted');
    const outcome = keeps && stored !== null ? stored : trajectory.outcome;
    const { turns, author } = summarise(trajectory);
    this.#db.run(
      `INSERT INTO trajectories (id, seq, image_id, query, status, turns, author, created_at, outcome, body, decision)
       VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM trajectories), ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET image_id = excluded.image_id, query = excluded.query,
         status = excluded.status, turns = excluded.turns, author = excluded.author,
         created_at = excluded.created_at, outcome = excluded.outcome, body = excluded.body,
         decision = excluded.decision`,
      [
        id,
        imageId,
        trajectory.header.query,
        outcome.status,
        turns,
        author,
        trajectory.header.createdAt,
        JSON.stringify(outcome),
        body,
        decision,
      ],
    );
    this.#journal.touched.image(imageId);
  }

  /** The stored outcome; null for an unknown trajectory. */
  outcomeOf(trajectoryId: string): Outcome | null {
    const row = this.#db.get(textRow, 'SELECT outcome AS value FROM trajectories WHERE id = ?', [
      trajectoryId,
    ]);
    return row === null ? null : outcomeSchema.parse(JSON.parse(row.value));
  }

  /** The columns that a decision changes, as they are stored. Throws NOT_FOUND. */
  settledColumns(trajectoryId: string): { outcome: string; status: string; decision: string | null } {
    const schema = z.object({ outcome: z.string(), status: z.string(), decision: z.string().nullable() });
    const sql = 'SELECT outcome, status, decision FROM trajectories WHERE id = ?';
    const row = this.#db.get(schema, sql, [trajectoryId]);
    if (row === null) throw unknownTrajectory();
    return row;
  }

  /** Throws NOT_FOUND, or PROJECT_UNREADABLE when the stored text is damaged. */
  trajectory(trajectoryId: string): Trajectory {
    const schema = z.object({ body: z.string(), outcome: z.string(), decision: z.string().nullable() });
    const sql = 'SELECT body, outcome, decision FROM trajectories WHERE id = ?';
    const row = this.#db.get(schema, sql, [trajectoryId]);
    if (row === null) throw unknownTrajectory();
    return parseTrajectory(trajectoryId, row.body, row.outcome, row.decision);
  }

  /** Id of the image that a trajectory is about. Throws NOT_FOUND. */
  imageOfTrajectory(trajectoryId: string): string {
    const sql = 'SELECT image_id AS value FROM trajectories WHERE id = ?';
    const row = this.#db.get(textRow, sql, [trajectoryId]);
    if (row === null) throw unknownTrajectory();
    return row.value;
  }

  /** Trajectories of an image, oldest first. */
  listTrajectories(imageId: string): TrajectorySummary[] {
    this.#images.imageById(imageId);
    const sql = `SELECT id, image_id, query, status, turns, author, created_at FROM trajectories
      WHERE image_id = ? ORDER BY seq`;
    return this.#db.all(trajectoryRow, sql, [imageId]).map((row) => ({
      id: row.id,
      imageId: row.image_id,
      query: row.query,
      status: row.status,
      turns: row.turns,
      author: row.author,
      createdAt: row.created_at,
    }));
  }

  /** Every trajectory in the order of saving, read one at a time. Damaged ones go to `onUnreadable`, else throw. */
  trajectoryCount(): number {
    return this.#db.get(numberRow, 'SELECT count(*) AS value FROM trajectories', [])?.value ?? 0;
  }

  *allTrajectories(onUnreadable?: (id: string, error: unknown) => void): Generator<Trajectory, void> {
    const ids = this.#db.all(z.object({ id: z.string() }), 'SELECT id FROM trajectories ORDER BY seq');
    for (const { id } of ids) {
      let trajectory: Trajectory;
      try {
        trajectory = this.trajectory(id);
      } catch (error) {
        if (onUnreadable === undefined) throw error;
        onUnreadable(id, error);
        continue;
      }
      yield trajectory;
    }
  }
}
