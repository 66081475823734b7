import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { HistoryState } from '@shared/contract/methods';
import { z } from 'zod';
import { applyChange, type Change, changesSchema, inverted } from './changes';
import type { Database } from './database';
import { HistoryStacks } from './history';
import { journalRow, textRow } from './rows';
import { type StoreChange, Touched } from './touched';

const markRow = z.object({ label: z.string(), changes: z.string() });
const keyRow = z.object({ key: z.number() });

/** What undo or redo did. */
export interface Played {
  state: HistoryState;
  /** Images that it touched. */
  imageIds: string[];
  /** Trajectories whose outcome it changed. */
  trajectoryIds: string[];
}

/** The transactions of a project: every write goes through here, reversible ones as marks that undo takes back. */
export class Journal {
  /** What the open transaction touched. Whoever writes past `change` notes it here. */
  readonly touched = new Touched();
  readonly #db: Database;
  readonly #onRollback: () => void;
  readonly #listeners = new Set<(change: StoreChange) => void>();
  #history: HistoryStacks;
  /** The changes of the open mark; null outside of one. */
  #changes: Change[] | null = null;
  /** Keys of the rows that marks have made or removed; null until somebody asks. */
  #madeOrRemoved: Record<'annotations' | 'categories', Set<number>> | null = null;
  #depth = 0;

  /** `onRollback` reads again what others hold of the tables in memory. */
  constructor(db: Database, onRollback: () => void) {
    this.#db = db;
    this.#onRollback = onRollback;
    this.#history = this.#readHistory();
  }

  /** Tells of every committed change. Returns how to stop it. */
  onChange(listener: (change: StoreChange) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Forgets all listeners. */
  stopListening(): void {
    this.#listeners.clear();
  }

  // ------------------------------------------------------------------ transactions

  /** One transaction; listeners are told once, after the outermost commit. */
  write<T>(work: () => T): T {
    this.#depth += 1;
    try {
      const result = this.#db.transaction(work);
      if (this.#depth === 1) this.#announce();
      return result;
    } catch (error) {
      if (this.#depth === 1) {
        this.touched.forget();
        if (this.#db.isOpen) {
          this.#history = this.#readHistory();
          this.#onRollback();
        }
      }
      throw error;
    } finally {
      this.#depth -= 1;
    }
  }

  #announce(): void {
    const change = this.touched.take(() => this.historyState());
    if (change === null) return;
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        // The change is on disk: a listener's failure must not look like a failed write.
        console.error(`A listener of the project failed: ${messageOf(error)}`);
      }
    }
  }

  // ------------------------------------------------------------------ marks

  /**
   * Runs mutations as one undoable step with a label ("Accept 2 masks"). Inside another mark it joins that one. When
   * `work` throws, nothing of it remains. No entry is made when nothing changed.
   */
  mark<T>(label: string, work: () => T): T {
    return this.write(() => {
      const outer = this.#changes;
      const before = outer?.length ?? 0;
      const changes: Change[] = outer ?? [];
      this.#changes = changes;
      try {
        const result = work();
        if (outer === null && changes.length > 0) this.#record('mark', label, null, changes);
        return result;
      } catch (error) {
        changes.length = before;
        throw error;
      } finally {
        this.#changes = outer;
      }
    });
  }

  /** Makes a reversible change: a part of the open mark. */
  change(change: Change): void {
    this.#apply(change);
    this.#changes?.push(change);
    if ('keys' in change || (change.before !== null && change.after !== null)) return;
    const { table, key } = change;
    if ((table === 'annotations' || table === 'categories') && typeof key === 'number')
      this.#madeOrRemoved?.[table].add(key);
  }

  /** Returns the images that it touched. */
  #apply(change: Change): string[] {
    const imageIds = applyChange(this.#db, change);
    for (const imageId of imageIds) {
      this.touched.image(imageId);
      if (change.table === 'annotations') this.touched.annotationsOf(imageId);
    }
    if (change.table !== 'trajectories') this.touched.project();
    return imageIds;
  }

  /**
   * Forgets what redo would bring back, because something new was done outside of the journal: a turn in an open
   * episode. Redo would put back what was true before it.
   */
  dropRedo(label: string): void {
    const seq = this.#history.nextRedo;
    if (seq !== null) this.write(() => this.#record('event', label, seq, []));
  }

  /** Writes what happened in the journal without making it undoable, such as an import. */
  recordEvent(label: string): void {
    this.write(() => this.#record('event', label, null, []));
  }

  /** Whether a mark has made or removed the row of a key, so that undo or redo may bring that row back. */
  bringsBack(table: 'annotations' | 'categories', key: number): boolean {
    this.#madeOrRemoved ??= {
      annotations: this.#keysOf('annotations'),
      categories: this.#keysOf('categories'),
    };
    return this.#madeOrRemoved[table].has(key);
  }

  #keysOf(table: 'annotations' | 'categories'): Set<number> {
    const sql = `SELECT DISTINCT json_extract(c.value, '$.key') AS key FROM journal j, json_each(j.changes) c
      WHERE j.kind = 'mark' AND json_extract(c.value, '$.table') = ?
        AND (json_type(c.value, '$.before') = 'null' OR json_type(c.value, '$.after') = 'null')
        AND json_type(c.value, '$.key') = 'integer'`;
    return new Set(this.#db.all(keyRow, sql, [table]).map(({ key }) => key));
  }

  #record(
    kind: 'mark' | 'undo' | 'redo' | 'event',
    label: string,
    target: number | null,
    changes: Change[],
  ): void {
    const { lastId } = this.#db.run(
      'INSERT INTO journal (kind, target, label, at, changes) VALUES (?, ?, ?, ?, ?)',
      [kind, target, label, new Date().toISOString(), JSON.stringify(changes)],
    );
    if (kind === 'event' && target === null) return;
    this.#history.append({ seq: lastId, kind, target });
    this.touched.history();
  }

  // ------------------------------------------------------------------ undo and redo

  #readHistory(): HistoryStacks {
    const stacks = new HistoryStacks();
    for (const row of this.#db.all(journalRow, 'SELECT seq, kind, target FROM journal ORDER BY seq')) {
      stacks.append(row);
    }
    return stacks;
  }

  /** Number of the mark that undo would take back, growing with time; 0 when there is none. */
  lastMark(): number {
    return this.#history.nextUndo ?? 0;
  }

  /** Labels of what undo and redo would do. */
  historyState(): HistoryState {
    return { undo: this.#labelOf(this.#history.nextUndo), redo: this.#labelOf(this.#history.nextRedo) };
  }

  #labelOf(seq: number | null): string | null {
    if (seq === null) return null;
    const sql = 'SELECT label AS value FROM journal WHERE seq = ?';
    return this.#db.get(textRow, sql, [seq])?.value ?? null;
  }

  /** Takes back the last mark. Returns the new state and the images that it touched; nothing when there is none. */
  undo(): Played {
    return this.#play('undo', this.#history.nextUndo);
  }

  /** Brings back the mark that was undone last. */
  redo(): Played {
    return this.#play('redo', this.#history.nextRedo);
  }

  #play(kind: 'undo' | 'redo', seq: number | null): Played {
    if (seq === null) return { state: this.historyState(), imageIds: [], trajectoryIds: [] };
    const { imageIds, trajectoryIds } = this.write(() => {
      const row = this.#db.get(markRow, 'SELECT label, changes FROM journal WHERE seq = ?', [seq]);
      if (row === null) throw new MaskwrightError('PROJECT_UNREADABLE', 'The journal lacks an entry.');
      const recorded = changesSchema.parse(JSON.parse(row.changes));
      const changes = kind === 'undo' ? inverted(recorded) : recorded;
      const touched = new Set<string>();
      for (const change of changes) for (const imageId of this.#apply(change)) touched.add(imageId);
      this.#record(kind, row.label, seq, []);
      const trajectories = changes.flatMap((change) =>
        change.table === 'trajectories' ? [String(change.key)] : [],
      );
      return { imageIds: [...touched], trajectoryIds: trajectories };
    });
    return { state: this.historyState(), imageIds, trajectoryIds };
  }
}
