/**
 * Undo and redo derived from the append-only journal: an entry is a mark, the undo or redo of an earlier mark, or an
 * event. An event with a target says that something new was done outside of the journal, so that nothing is redone.
 */

export interface HistoryEntry {
  seq: number;
  kind: 'mark' | 'undo' | 'redo' | 'event';
  /** The mark that an undo or redo is about, or the one that an event keeps from being redone. */
  target: number | null;
}

/** Moves the top of one stack to the other when it is the one that is meant. */
function move(from: number[], to: number[], target: number | null): void {
  if (target === null || from[from.length - 1] !== target) return;
  from.pop();
  to.push(target);
}

/** Two stacks of marks' numbers. Feed it every journal entry in order. */
export class HistoryStacks {
  readonly #undo: number[] = [];
  #redo: number[] = [];

  append(entry: HistoryEntry): void {
    if (entry.kind === 'mark') {
      this.#undo.push(entry.seq);
      this.#redo = [];
    } else if (entry.kind === 'undo') {
      move(this.#undo, this.#redo, entry.target);
    } else if (entry.kind === 'redo') {
      move(this.#redo, this.#undo, entry.target);
    } else if (entry.target !== null) {
      this.#redo = [];
    }
  }

  /** The mark that undo would take back; null when there is none. */
  get nextUndo(): number | null {
    return this.#undo[this.#undo.length - 1] ?? null;
  }

  /** The mark that redo would bring back; null when there is none. */
  get nextRedo(): number | null {
    return this.#redo[this.#redo.length - 1] ?? null;
  }
}
