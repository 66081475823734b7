import type { ImageState } from '@shared/contract/methods';
import type { Database } from './database';
import type { Images } from './images';
import type { Journal } from './journal';

/** How far each image is: to do, in review, done. A person's decision is undoable, a derived state is not. */
export class ImageStates {
  readonly #db: Database;
  readonly #journal: Journal;
  readonly #images: Images;

  constructor(db: Database, journal: Journal, images: Images) {
    this.#db = db;
    this.#journal = journal;
    this.#images = images;
  }

  /** Marks an image as todo, in review or done. Undoable. */
  setImageState(imageId: string, state: ImageState): void {
    const labels = { todo: 'Mark as to do', review: 'Mark for review', done: 'Mark as done' };
    this.#journal.mark(labels[state], () => this.set(imageId, state));
  }

  /** Sets the state as a part of the surrounding mark. */
  set(imageId: string, state: ImageState): void {
    const before = this.#images.imageById(imageId).state;
    if (before === state) return;
    this.#journal.change({
      table: 'images',
      key: imageId,
      imageId,
      before: { state: before },
      after: { state },
    });
  }

  /**
   * A part of the surrounding mark: the image has what was wanted, so it is done, unless results still wait on it.
   * An image that is done already stays so.
   */
  finish(imageId: string): void {
    const { state } = this.#images.imageById(imageId);
    if (state !== 'done') this.set(imageId, this.#isWaitedOn(imageId) ? 'review' : 'done');
  }

  /**
   * A part of the surrounding mark, after a result was rejected: an image on which nothing waits any more is done
   * when it has annotations, else to do.
   */
  settle(imageId: string): void {
    const { state } = this.#images.imageById(imageId);
    if (state !== 'review' || this.#isWaitedOn(imageId)) return;
    const annotations = 'SELECT count(*) AS n FROM annotations WHERE image_id = ?';
    this.set(imageId, this.#db.count(annotations, [imageId]) > 0 ? 'done' : 'todo');
  }

  #isWaitedOn(imageId: string): boolean {
    const sql = 'SELECT count(*) AS n FROM reviews WHERE image_id = ? AND waiting = 1';
    return this.#db.count(sql, [imageId]) > 0;
  }

  /** A state that follows from stored results and is not a person's decision: outside of undo. */
  derive(imageId: string, from: ImageState, to: ImageState): void {
    const { changes } = this.#db.run('UPDATE images SET state = ? WHERE id = ? AND state = ?', [
      to,
      imageId,
      from,
    ]);
    if (changes > 0) {
      this.#journal.touched.image(imageId);
      this.#journal.touched.project();
    }
  }
}
