import type { HistoryState } from '@shared/contract/methods';

/** What a committed change touched. */
export interface StoreChange {
  /** Images whose summary changed or that are new. */
  images: string[];
  /** Images whose annotations changed. */
  annotations: string[];
  /** Set when undo and redo changed. */
  history: HistoryState | null;
  /** True when counts, categories or the name changed. */
  project: boolean;
}

/** Notes what an open transaction touches, so that listeners hear of it once, after the commit. */
export class Touched {
  #images = new Set<string>();
  #annotations = new Set<string>();
  #project = false;
  #history = false;

  /** The image is new, or its summary changed. */
  image(imageId: string): void {
    this.#images.add(imageId);
  }

  /** The image's annotations changed. */
  annotationsOf(imageId: string): void {
    this.#annotations.add(imageId);
  }

  /** Counts, categories or the name changed. */
  project(): void {
    this.#project = true;
  }

  /** What undo and redo would do changed. */
  history(): void {
    this.#history = true;
  }

  forget(): void {
    this.#images = new Set();
    this.#annotations = new Set();
    this.#project = false;
    this.#history = false;
  }

  /** What was noted since the last time, which is then forgotten; null when it is nothing. */
  take(historyState: () => HistoryState): StoreChange | null {
    const change: StoreChange = {
      images: [...this.#images],
      annotations: [...this.#annotations],
      history: this.#history ? historyState() : null,
      project: this.#project,
    };
    this.forget();
    const isEmpty =
      change.images.length + change.annotations.length === 0 && change.history === null && !change.project;
    return isEmpty ? null : change;
  }
}
