import type { ImageQuery, ImageSort, ImageSummary } from '@shared/contract/methods';
import { imageQuerySchema } from '@shared/contract/methods';
import { z } from 'zod';
import type { Database } from './database';
import { unknownImage } from './images';
import { searchText } from './paths';
import { imageRow } from './rows';

/** Which images to list; conditions that are left out let all pass. */
export type ImageConditions = Partial<ImageQuery>;

/** A page of a list: `limit` images from the `offset`-th on, counted from 0. */
export type ListImages = ImageConditions & { offset: number; limit: number };

/** Where an image is in a list. */
export interface ImagePlace {
  /** Counted from 0; when the image is not listed, where it would be. */
  index: number;
  listed: boolean;
  total: number;
}

type Values = (string | number)[];
interface Condition {
  sql: string;
  values: Values;
}

const summaryColumns = `id, name, width, height, state, annotation_count AS annotations,
  trajectory_count AS trajectories, note, flagged, problem`;

const summaryRow = z.object({
  id: z.string(),
  name: z.string(),
  width: z.number().int(),
  height: z.number().int(),
  state: imageRow.shape.state,
  annotations: z.number().int(),
  trajectories: z.number().int(),
  note: z.string(),
  flagged: z
    .number()
    .int()
    .transform((value) => value !== 0),
  problem: z.string().nullable(),
});

/** The columns of each order, as the indices of the table have them; the last one tells any two images apart. */
const orders: Record<ImageSort, readonly string[]> = {
  name: ['sort_key', 'seq'],
  added: ['seq'],
  size: ['width * height', 'seq'],
  masks: ['annotation_count', 'seq'],
  changed: ['changed_at', 'seq'],
  state: ["CASE state WHEN 'todo' THEN 0 WHEN 'review' THEN 1 ELSE 2 END", 'sort_key', 'seq'],
};

const anchorRow = z.object({
  a: z.union([z.string(), z.number()]),
  b: z.union([z.string(), z.number()]),
  c: z.union([z.string(), z.number()]),
});

const none: Condition = { sql: '', values: [] };

function conditionsOf(query: ImageQuery): Condition {
  const parts: string[] = [];
  const values: Values = [];
  const add = (sql: string, ...more: Values): void => {
    parts.push(sql);
    values.push(...more);
  };
  if (query.state !== null) add('state = ?', query.state);
  const search = searchText(query.search.trim());
  if (search !== '') add('instr(search, ?) > 0', search);
  if (query.flagged !== null) add(query.flagged ? 'flagged = 1' : 'flagged = 0');
  if (query.noted !== null) add(query.noted ? "note <> ''" : "note = ''");
  if (query.unreadable !== null) add(query.unreadable ? 'problem IS NOT NULL' : 'problem IS NULL');
  for (const categoryId of query.withCategories) {
    add('id IN (SELECT image_id FROM annotations WHERE category_id = ?)', categoryId);
  }
  for (const categoryId of query.withoutCategories) {
    add('id NOT IN (SELECT image_id FROM annotations WHERE category_id = ?)', categoryId);
  }
  if (query.minMasks !== null) add('annotation_count >= ?', query.minMasks);
  if (query.maxMasks !== null) add('annotation_count <= ?', query.maxMasks);
  if (query.author !== null) {
    add('id IN (SELECT image_id FROM annotations WHERE author = ?)', query.author);
  }
  return { sql: parts.join(' AND '), values };
}

const whereOf = (...conditions: Condition[]): Condition => {
  const used = conditions.filter(({ sql }) => sql !== '');
  return {
    sql: used.length === 0 ? '' : `WHERE ${used.map(({ sql }) => sql).join(' AND ')}`,
    values: used.flatMap(({ values }) => values),
  };
};

/**
 * Lists of a project's images: filtered, sorted, and read page by page. Made for 100,000 of them: every order has an
 * index, counts are columns, and where an image is in a list is found without reading the list.
 */
export class ImageList {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** A page of a list, and how many images it has in all. */
  listImages({ offset, limit, ...conditions }: ListImages): { total: number; items: ImageSummary[] } {
    const query = imageQuerySchema.parse(conditions);
    const where = whereOf(conditionsOf(query));
    const sql = `SELECT ${summaryColumns} FROM images ${where.sql} ${this.#orderBy(query)} LIMIT ? OFFSET ?`;
    const items = this.#db.all(summaryRow, sql, [...where.values, limit, offset]);
    return { total: this.#total(query), items };
  }

  /** An image as lists show it. Throws NOT_FOUND. */
  imageSummary(imageId: string): ImageSummary {
    const row = this.#db.get(summaryRow, `SELECT ${summaryColumns} FROM images WHERE id = ?`, [imageId]);
    if (row === null) throw unknownImage();
    return row;
  }

  /** Where an image is in a list. Throws NOT_FOUND. */
  imagePlace(imageId: string, conditions: ImageConditions): ImagePlace {
    const query = imageQuerySchema.parse(conditions);
    const anchor = this.#anchor(query, 'WHERE id = ?', [imageId], 0);
    if (anchor === null) throw unknownImage();
    const listed = whereOf(conditionsOf(query), { sql: 'id = ?', values: [imageId] });
    const before = whereOf(conditionsOf(query), this.#compare(query, query.descending ? '>' : '<', anchor));
    return {
      index: this.#db.count(`SELECT count(*) AS n FROM images ${before.sql}`, before.values),
      listed: this.#db.count(`SELECT count(*) AS n FROM images ${listed.sql}`, listed.values) > 0,
      total: this.#total(query),
    };
  }

  /**
   * The first image that is not done behind the `after`-th of a list, then from its start; never the image of
   * `except`. Null when there is none.
   */
  nextOpen(
    conditions: ImageConditions,
    after: number,
    except: string | null,
  ): { image: ImageSummary; index: number } | null {
    const query = imageQuerySchema.parse(conditions);
    const where = whereOf(conditionsOf(query));
    const anchor = this.#anchor(query, where.sql, where.values, after + 1);
    const behind = anchor === null ? null : this.#compare(query, query.descending ? '<=' : '>=', anchor);
    const image =
      (behind === null ? null : this.#firstOpen(query, behind, except)) ??
      this.#firstOpen(query, none, except);
    return image === null ? null : { image, index: this.imagePlace(image.id, conditions).index };
  }

  #firstOpen(query: ImageQuery, range: Condition, except: string | null): ImageSummary | null {
    const open = { sql: "state <> 'done' AND id <> ?", values: [except ?? ''] };
    const where = whereOf(conditionsOf(query), range, open);
    const sql = `SELECT ${summaryColumns} FROM images ${where.sql} ${this.#orderBy(query)} LIMIT 1`;
    return this.#db.get(summaryRow, sql, where.values);
  }

  #total(query: ImageQuery): number {
    const where = whereOf(conditionsOf(query));
    if (where.sql === '') return this.#db.count('SELECT sum(n) AS n FROM image_counts');
    return this.#db.count(`SELECT count(*) AS n FROM images ${where.sql}`, where.values);
  }

  #orderBy(query: ImageQuery): string {
    const direction = query.descending ? ' DESC' : '';
    return `ORDER BY ${orders[query.sort].map((column) => `${column}${direction}`).join(', ')}`;
  }

  /** What an image has in the columns of an order: the `offset`-th of those that `where` leaves. */
  #anchor(query: ImageQuery, where: string, values: Values, offset: number): Values | null {
    const columns = orders[query.sort];
    const [a = 'seq', b = a, c = b] = columns;
    const sql = `SELECT ${a} AS a, ${b} AS b, ${c} AS c FROM images ${where} ${this.#orderBy(query)} LIMIT 1 OFFSET ?`;
    const row = this.#db.get(anchorRow, sql, [...values, offset]);
    return row === null ? null : [row.a, row.b, row.c].slice(0, columns.length);
  }

  #compare(query: ImageQuery, operator: '<' | '>' | '<=' | '>=', anchor: Values): Condition {
    const columns = orders[query.sort].join(', ');
    return { sql: `(${columns}) ${operator} (${anchor.map(() => '?').join(', ')})`, values: anchor };
  }
}
