import { MaskwrightError } from '@shared/contract/errors';
import type { ReviewEntry, ReviewQuery } from '@shared/contract/methods';
import { reviewResultSchema } from '@shared/contract/methods';
import { type Rle, rleArea, rleBbox, rleIou, rleSchema } from '@shared/mask/rle';
import { answerOf, disagreementOf, measureResult } from '@shared/review/measure';
import { authorSchema, type Trajectory } from '@shared/trajectory/schema';
import { z } from 'zod';
import type { Annotations } from './annotations';
import type { Categories } from './categories';
import type { Database } from './database';
import { parseTrajectory, summarise } from './trajectory-rows';

/** Two masks of a class that agree this well are the same object. */
const duplicateIou = 0.9;

/** Results of older projects that are measured in one go when a queue is asked for. */
const measureAtOnce = 500;

const bboxSchema = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const masksSchema = z.array(rleSchema);
const pathSchema = z.array(z.string());

const entryRow = z.object({
  trajectory_id: z.string(),
  waiting: z.number().int(),
  image_id: z.string(),
  image_name: z.string(),
  run_id: z.string().nullable(),
  query: z.string(),
  class: z.string(),
  result: reviewResultSchema,
  author: authorSchema,
  turns: z.number().int(),
  score: z.number().nullable(),
  disagreement: z.number().nullable(),
  mask_count: z.number().int(),
  bbox: z.string().nullable(),
  masks: z.string(),
});
const entryColumns = `r.trajectory_id, r.waiting, r.image_id, i.name AS image_name, r.run_id, r.query, r.class, r.result,
  r.author, r.turns, r.score, r.disagreement, r.mask_count, r.bbox, r.masks`;

const unmeasuredRow = z.object({ id: z.string(), body: z.string(), outcome: z.string() });
const otherRow = z.object({ id: z.string(), disagreement: z.number().nullable(), masks: z.string() });
const namedCount = z.object({ name: z.string(), n: z.number().int() });
const binRow = z.object({ bin: z.number().int().nullable(), n: z.number().int() });

/** What settling an entry needs to know. */
export interface Proposal {
  trajectoryId: string;
  imageId: string;
  query: string;
  /** Empty when it has none. */
  className: string;
  masks: Rle[];
  /** Ids of the turns from the first to the answer. */
  path: string[];
  waiting: boolean;
  score: number | null;
  author: ReviewEntry['author'];
  /** True when nobody has gone on with the episode: it still is what the agent left. */
  untouched: boolean;
}

const proposalRow = z.object({
  trajectory_id: z.string(),
  image_id: z.string(),
  query: z.string(),
  class: z.string(),
  masks: z.string(),
  path: z.string(),
  waiting: z.number().int(),
  turns: z.number().int(),
  now: z.number().int(),
  score: z.number().nullable(),
  author: authorSchema,
});

interface Condition {
  sql: string;
  values: (string | number)[];
}

const orders = {
  queue: ['r.seq'],
  score: ['r.score IS NULL', 'r.score', 'r.seq'],
  disagreement: ['r.disagreement IS NULL', 'r.disagreement', 'r.seq'],
} as const;

/** The results that wait for a person. An entry follows its trajectory: settled with it, back in the queue by undo. */
export class Reviews {
  readonly #db: Database;
  readonly #annotations: Annotations;
  readonly #categories: Categories;

  constructor(db: Database, topics: { annotations: Annotations; categories: Categories }) {
    this.#db = db;
    this.#annotations = topics.annotations;
    this.#categories = topics.categories;
  }

  /** A page of waiting entries, and how many there are. */
  listReviews(query: ReviewQuery & { offset: number; limit: number }): {
    total: number;
    waiting: number;
    items: ReviewEntry[];
  } {
    this.#measureOld();
    const { sql, values } = conditionsOf(query);
    const total = this.#db.count(`SELECT count(*) AS n FROM reviews r WHERE ${sql}`, values);
    const rows = this.#db.all(
      entryRow,
      `SELECT ${entryColumns} FROM reviews r JOIN images i ON i.id = r.image_id WHERE ${sql}
       ORDER BY ${orderOf(query)} LIMIT ? OFFSET ?`,
      [...values, query.limit, query.offset],
    );
    return { total, waiting: this.waitingReviews(), items: rows.map((row) => this.#entryOf(row)) };
  }

  /** An entry, settled or not. Throws NOT_FOUND. */
  review(trajectoryId: string): ReviewEntry {
    this.#measureOld();
    const row = this.#db.get(
      entryRow,
      `SELECT ${entryColumns} FROM reviews r JOIN images i ON i.id = r.image_id WHERE r.trajectory_id = ?`,
      [trajectoryId],
    );
    if (row === null) throw unknownEntry();
    return this.#entryOf(row);
  }

  /** The masks of an entry, one an object. Throws NOT_FOUND. */
  reviewMasks(trajectoryId: string): Rle[] {
    const row = this.#db.get(
      z.object({ masks: z.string() }),
      'SELECT masks FROM reviews WHERE trajectory_id = ?',
      [trajectoryId],
    );
    if (row === null) throw unknownEntry();
    return masksSchema.parse(JSON.parse(row.masks));
  }

  /** How many entries wait. */
  waitingReviews(): number {
    return this.#db.count('SELECT count(*) AS n FROM reviews WHERE waiting = 1');
  }

  /** How many entries of an image wait. */
  waitingOn(imageId: string): number {
    return this.#db.count('SELECT count(*) AS n FROM reviews WHERE image_id = ? AND waiting = 1', [imageId]);
  }

  reviewFacets(): {
    classes: { name: string; count: number }[];
    runs: { id: string; label: string; count: number }[];
    authors: { author: ReviewEntry['author']; count: number }[];
  } {
    const grouped = (column: string): { name: string; count: number }[] =>
      this.#db
        .all(
          namedCount,
          `SELECT ${column} AS name, count(*) AS n FROM reviews WHERE waiting = 1 GROUP BY ${column} ORDER BY ${column}`,
        )
        .map(({ name, n }) => ({ name, count: n }));
    const runs = this.#db.all(
      z.object({ id: z.string(), label: z.string(), n: z.number().int() }),
      `SELECT u.id, u.label, (SELECT count(*) FROM reviews r WHERE r.run_id = u.id AND r.waiting = 1) AS n
       FROM runs u ORDER BY u.seq DESC`,
    );
    return {
      classes: grouped('class'),
      runs: runs.filter(({ n }) => n > 0).map(({ id, label, n }) => ({ id, label, count: n })),
      authors: grouped('author').map(({ name, count }) => ({ author: authorSchema.parse(name), count })),
    };
  }

  /** Waiting entries by score in equal bins from 0 to 1. */
  reviewHistogram(query: ReviewQuery, bins: number): { bins: number[]; unscored: number } {
    this.#measureOld();
    const { sql, values } = conditionsOf(query);
    const rows = this.#db.all(
      binRow,
      `SELECT CASE WHEN score IS NULL THEN NULL ELSE CAST(min(max(score, 0) * ${bins}, ${bins - 1}) AS INTEGER) END AS bin,
         count(*) AS n FROM reviews r WHERE ${sql} GROUP BY bin`,
      values,
    );
    const counts = Array.from({ length: bins }, () => 0);
    let unscored = 0;
    for (const { bin, n } of rows) {
      if (bin === null) unscored = n;
      else counts[bin] = n;
    }
    return { bins: counts, unscored };
  }

  /** Ids of the waiting entries with at least this score, the lowest first. */
  reviewsAbove(query: ReviewQuery, score: number): string[] {
    this.#measureOld();
    const { sql, values } = conditionsOf({ ...query, minScore: Math.max(score, query.minScore ?? 0) });
    return this.#db
      .all(
        z.object({ id: z.string() }),
        `SELECT r.trajectory_id AS id FROM reviews r WHERE ${sql} ORDER BY r.score, r.seq`,
        values,
      )
      .map(({ id }) => id);
  }

  /** Times of the decisions since a time, in milliseconds, ascending. */
  decisionsSince(since: string): number[] {
    return this.#db
      .all(
        z.object({ at: z.string() }),
        'SELECT settled_at AS at FROM trajectories WHERE settled_at >= ? ORDER BY settled_at',
        [since],
      )
      .map(({ at }) => Date.parse(at));
  }

  /** What a decision about an entry needs. Throws NOT_FOUND. */
  proposal(trajectoryId: string): Proposal {
    this.#measureOld();
    const row = this.#db.get(
      proposalRow,
      `SELECT r.trajectory_id, r.image_id, r.query, r.class, r.masks, r.path, r.waiting, r.turns, t.turns AS now,
         r.score, r.author
       FROM reviews r JOIN trajectories t ON t.id = r.trajectory_id WHERE r.trajectory_id = ?`,
      [trajectoryId],
    );
    if (row === null) throw unknownEntry();
    return {
      trajectoryId,
      imageId: row.image_id,
      query: row.query,
      className: row.class,
      masks: masksSchema.parse(JSON.parse(row.masks)),
      path: pathSchema.parse(JSON.parse(row.path)),
      waiting: row.waiting === 1,
      score: row.score,
      author: row.author,
      untouched: row.turns === row.now,
    };
  }

  /** An annotation that is nearly the same as an entry's mask; null when there is none. */
  duplicateOf(imageId: string, className: string, masks: readonly Rle[]): number | null {
    if (masks.length === 0) return null;
    const categoryId = this.#categories.categories().find(({ name }) => name === className)?.id ?? null;
    if (className !== '' && categoryId === null) return null;
    for (const mask of masks) {
      const measure = { area: rleArea(mask), bbox: rleBbox(mask) };
      // An IoU above 0.9 needs pixel counts that are nearly the same: few masks are decoded.
      const candidates = this.#annotations.annotationsAlike(imageId, categoryId, measure);
      const alike = candidates.find((annotation) => rleIou(mask, annotation.mask) > duplicateIou);
      if (alike !== undefined) return alike.id;
    }
    return null;
  }

  /** Puts a result in the queue, or a changed one in its place. For `Trajectories`, inside of its transaction. */
  note(trajectory: Trajectory, imageId: string, waiting: boolean): void {
    const { status } = trajectory.outcome;
    if (status !== 'finished' && status !== 'no_target' && status !== 'truncated') return;
    const { turns, author } = summarise(trajectory);
    this.#db.run(
      `INSERT INTO reviews (trajectory_id, seq, waiting, image_id, query, class, result, author, turns, measured,
         mask_count, masks, path)
       VALUES (?, (SELECT seq FROM trajectories WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, 0, 0, '[]', '[]')
       ON CONFLICT (trajectory_id) DO UPDATE SET image_id = excluded.image_id, query = excluded.query,
         result = excluded.result, author = excluded.author, turns = excluded.turns`,
      [
        trajectory.header.id,
        trajectory.header.id,
        waiting,
        imageId,
        trajectory.header.query,
        trajectory.outcome.category ?? '',
        status,
        author,
        turns,
      ],
    );
    this.#measure(trajectory, imageId);
  }

  /** Says which run an entry belongs to. */
  assign(trajectoryId: string, runId: string): void {
    this.#db.run('UPDATE reviews SET run_id = ? WHERE trajectory_id = ?', [runId, trajectoryId]);
  }

  #measure(trajectory: Trajectory, imageId: string): void {
    const { id, query } = trajectory.header;
    const { masks, path } = answerOf(trajectory);
    const { score, change, bbox } = measureResult(trajectory);
    let disagreement = change;
    const same = this.#db.all(
      otherRow,
      `SELECT trajectory_id AS id, disagreement, masks FROM reviews
       WHERE image_id = ? AND query = ? AND trajectory_id <> ? AND measured = 1`,
      [imageId, query, id],
    );
    for (const other of same) {
      const between = disagreementOf(masks, masksSchema.parse(JSON.parse(other.masks)));
      disagreement = Math.max(disagreement ?? 0, between);
      if (between > (other.disagreement ?? 0)) {
        this.#db.run('UPDATE reviews SET disagreement = ? WHERE trajectory_id = ?', [between, other.id]);
      }
    }
    this.#db.run(
      `UPDATE reviews SET score = ?, disagreement = ?, measured = 1, mask_count = ?, bbox = ?, masks = ?, path = ?
       WHERE trajectory_id = ?`,
      [
        score,
        disagreement,
        masks.length,
        bbox && JSON.stringify(bbox),
        JSON.stringify(masks),
        JSON.stringify(path),
        id,
      ],
    );
  }

  /** Entries of projects from before there was a queue are measured when it is first looked at. */
  #measureOld(): void {
    for (;;) {
      const rows = this.#db.all(
        unmeasuredRow,
        `SELECT t.id, t.body, t.outcome FROM reviews r JOIN trajectories t ON t.id = r.trajectory_id
         WHERE r.measured = 0 ORDER BY r.seq LIMIT ?`,
        [measureAtOnce],
      );
      if (rows.length === 0) return;
      this.#db.transaction(() => {
        for (const { id, body, outcome } of rows) this.#measureStored(id, body, outcome);
      });
    }
  }

  #measureStored(id: string, body: string, outcome: string): void {
    try {
      const trajectory = parseTrajectory(id, body, outcome, null);
      const row = this.#db.get(
        z.object({ image_id: z.string() }),
        'SELECT image_id FROM reviews WHERE trajectory_id = ?',
        [id],
      );
      if (row !== null) this.#measure(trajectory, row.image_id);
    } catch {
      // Damaged: it is listed without numbers, and opening it says what is wrong.
      this.#db.run('UPDATE reviews SET measured = 1 WHERE trajectory_id = ?', [id]);
    }
  }

  #entryOf(row: z.output<typeof entryRow>): ReviewEntry {
    const masks = masksSchema.parse(JSON.parse(row.masks));
    return {
      id: row.trajectory_id,
      imageId: row.image_id,
      imageName: row.image_name,
      query: row.query,
      className: row.class === '' ? null : row.class,
      result: row.result,
      author: row.author,
      runId: row.run_id,
      turns: row.turns,
      score: row.score,
      disagreement: row.disagreement,
      masks: row.mask_count,
      bbox: row.bbox === null ? null : bboxSchema.parse(JSON.parse(row.bbox)),
      duplicateOf: row.waiting === 1 ? this.duplicateOf(row.image_id, row.class, masks) : null,
      waiting: row.waiting === 1,
    };
  }
}

function conditionsOf(query: ReviewQuery): Condition {
  const parts = ['r.waiting = 1'];
  const values: (string | number)[] = [];
  const add = (sql: string, value: string | number | null): void => {
    if (value === null) return;
    parts.push(sql);
    values.push(value);
  };
  add('r.result = ?', query.result);
  add('r.class = ?', query.className);
  add('r.run_id = ?', query.runId);
  add('r.author = ?', query.author);
  add('r.image_id = ?', query.imageId);
  add('r.score >= ?', query.minScore);
  add('r.score <= ?', query.maxScore);
  add('r.disagreement >= ?', query.minDisagreement);
  return { sql: parts.join(' AND '), values };
}

/** Entries without a value come last in either direction. */
function orderOf({ sort, descending }: ReviewQuery): string {
  return orders[sort]
    .map((column) => (descending && !column.endsWith('IS NULL') ? `${column} DESC` : column))
    .join(', ');
}

function unknownEntry(): MaskwrightError {
  return new MaskwrightError('NOT_FOUND', 'The result is not in the review queue.', {
    hint: 'Reload the queue.',
  });
}
