import { existsSync } from 'node:fs';
import { MaskwrightError } from '@shared/contract/errors';
import Libsql from 'libsql';
import { z } from 'zod';
import { databaseError } from './database-errors';
import { checkedParameters, type SqlInput } from './sql-parameters';

/**
 * The only module that touches libsql. Every value to bind passes through `checkedParameters`: libsql aborts the whole
 * process on some. Every error passes through `databaseError`.
 */

/** Marks a file as a Maskwright project in SQLite's header: "MSKW". */
export const applicationId = 0x4d534b57;

/** How long to wait for another process that is just closing the file, in milliseconds. */
const busyTimeoutMs = 1500;

const countRow = z.object({ n: z.number().int() });

const closedError = (): MaskwrightError =>
  new MaskwrightError('NO_PROJECT', 'The project is closed.', { hint: 'Open a project first.' });

/** Our own refusal of a file that is not ours and must stay as it is. */
const isForeign = (error: unknown): boolean =>
  error instanceof MaskwrightError && error.code === 'PROJECT_UNREADABLE';

function isPromiseLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

type Statement = ReturnType<InstanceType<typeof Libsql>['prepare']>;

/** A synchronous SQLite connection with guarded parameters, rows parsed by zod, and nestable transactions. */
export class Database {
  readonly file: string;
  readonly #connection: InstanceType<typeof Libsql>;
  readonly #statements = new Map<string, Statement>();
  #depth = 0;
  #closed = false;

  /**
   * Opens a file, or makes one when `create` is set, and takes it for this process alone until `close`; the
   * operating system frees it when the process dies. Commits are synced to disk (WAL, synchronous=FULL).
   * Throws NOT_FOUND, CONFLICT (open elsewhere), PROJECT_UNREADABLE or FORBIDDEN.
   */
  constructor(file: string, options: { create: boolean }) {
    this.file = file;
    if (!options.create && !existsSync(file)) {
      throw new MaskwrightError('NOT_FOUND', `There is no project file: ${file}`, {
        hint: 'It may have been moved or renamed. Open it from its new place.',
      });
    }
    try {
      this.#connection = new Libsql(file, { timeout: busyTimeoutMs });
    } catch (error) {
      throw databaseError(error, file);
    }
    try {
      this.#refuseForeign();
      this.exec('PRAGMA foreign_keys=ON');
      this.#pragma('journal_mode=WAL');
      this.#pragma('synchronous=FULL');
      // The order matters: only a file that was in WAL before it was exclusive can be given back by `close`.
      this.#connection.prepare('SELECT 1 FROM sqlite_master').get([]);
      this.#pragma('locking_mode=EXCLUSIVE');
      this.exec('BEGIN IMMEDIATE');
      this.exec('COMMIT');
    } catch (error) {
      if (isForeign(error)) this.#connection.close();
      else this.#release();
      throw databaseError(error, file);
    }
  }

  /** Throws before anything is written to an SQLite file that is not a project. An empty file is one to be. */
  #refuseForeign(): void {
    if (this.readPragma('application_id') === applicationId) return;
    if (this.#connection.prepare('SELECT 1 FROM sqlite_master').get([]) === undefined) return;
    throw new MaskwrightError('PROJECT_UNREADABLE', `The file is not a Maskwright project: ${this.file}`, {
      hint: 'Open a file that ends in .maskwright, or a folder of images to make a new project.',
    });
  }

  #pragma(source: string): unknown[] {
    return this.#connection.prepare(`PRAGMA ${source}`).all([]);
  }

  #prepare(sql: string): Statement {
    if (this.#closed) throw closedError();
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw databaseError(error, this.file);
    }
  }

  /** Runs statements without parameters. */
  exec(sql: string): void {
    if (this.#closed) throw closedError();
    this.#guarded(() => this.#connection.exec(sql));
  }

  /** Runs a statement. Returns the number of changed rows and the id of the last inserted one. */
  run(sql: string, parameters: readonly SqlInput[] = []): { changes: number; lastId: number } {
    return this.#guarded(() => {
      const result = this.#prepare(sql).run(checkedParameters(sql, parameters));
      return { changes: result.changes, lastId: Number(result.lastInsertRowid) };
    });
  }

  /** The rows of a query, each parsed by the schema. */
  all<S extends z.ZodType>(schema: S, sql: string, parameters: readonly SqlInput[] = []): z.output<S>[] {
    return this.#guarded(() =>
      this.#prepare(sql)
        .all(checkedParameters(sql, parameters))
        .map((row) => this.#parse(schema, row, sql)),
    );
  }

  /** The first row of a query, parsed by the schema; null when there is none. */
  get<S extends z.ZodType>(schema: S, sql: string, parameters: readonly SqlInput[] = []): z.output<S> | null {
    return this.#guarded(() => {
      const row = this.#prepare(sql).get(checkedParameters(sql, parameters));
      return row === undefined ? null : this.#parse(schema, row, sql);
    });
  }

  #parse<S extends z.ZodType>(schema: S, row: unknown, sql: string): z.output<S> {
    const parsed = schema.safeParse(row);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new MaskwrightError(
      'PROJECT_UNREADABLE',
      `The project holds a row that cannot be read (${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}).`,
      {
        hint: 'Restore the project from a backup.',
        cause: `${sql.trim().slice(0, 120)}: ${parsed.error.message}`,
      },
    );
  }

  /** What a `SELECT count(*) AS n` counts. */
  count(sql: string, parameters: readonly SqlInput[] = []): number {
    return this.get(countRow, sql, parameters)?.n ?? 0;
  }

  /** An integer pragma, such as user_version. */
  readPragma(name: 'user_version' | 'application_id'): number {
    return this.#guarded(() => {
      const row = this.#connection.prepare(`PRAGMA ${name}`).all([])[0];
      if (typeof row === 'object' && row !== null) {
        for (const [key, value] of Object.entries(row))
          if (key === name && typeof value === 'number') return value;
      }
      throw new MaskwrightError('PROJECT_UNREADABLE', `The project's ${name} cannot be read.`);
    });
  }

  writePragma(name: 'user_version' | 'application_id', value: number): void {
    if (!Number.isSafeInteger(value)) throw new MaskwrightError('INTERNAL', `${name} must be an integer`);
    this.exec(`PRAGMA ${name}=${value}`);
  }

  get isOpen(): boolean {
    return !this.#closed;
  }

  /**
   * Runs `work` in a transaction and returns its result after the commit is on disk. Inside another transaction it
   * is a savepoint: a throw undoes what this call did, and the outer one goes on if it catches. Work is synchronous.
   */
  transaction<T>(work: () => T): T {
    const level = this.#depth;
    const name = `level_${level}`;
    this.exec(level === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT ${name}`);
    this.#depth = level + 1;
    try {
      const result = work();
      if (isPromiseLike(result)) {
        throw new MaskwrightError('INTERNAL', 'The work of a transaction must be synchronous.');
      }
      this.exec(level === 0 ? 'COMMIT' : `RELEASE ${name}`);
      return result;
    } catch (error) {
      this.#rollback(level, name);
      throw error;
    } finally {
      this.#depth = level;
    }
  }

  #rollback(level: number, name: string): void {
    // A full disk or a lost file may have rolled back on its own.
    if (!this.#connection.inTransaction) return;
    this.exec(level === 0 ? 'ROLLBACK' : `ROLLBACK TO ${name}; RELEASE ${name}`);
  }

  /** Writes a consistent copy of the whole database. The target must not exist. */
  copyTo(target: string): void {
    this.run('VACUUM INTO ?', [target]);
  }

  /** Gives the file back: one plain file is left, without -wal and -shm beside it. Safe to call twice. */
  close(): void {
    if (this.#closed) return;
    this.#statements.clear();
    this.#release();
    this.#closed = true;
  }

  /**
   * libsql closes the file only when its statements are garbage collected, so the lock is given up by hand:
   * leaving WAL and exclusive mode needs no collector.
   */
  #release(): void {
    try {
      this.#pragma('wal_checkpoint(TRUNCATE)');
      this.#pragma('locking_mode=NORMAL');
      this.#connection.prepare('SELECT 1 FROM sqlite_master').get([]);
      this.#pragma('journal_mode=DELETE');
    } catch {
      // Not a database, or taken by another process: there is nothing to give back.
    }
    this.#connection.close();
  }
}
