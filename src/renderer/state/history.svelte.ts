import type { HistoryState as Marks, Played } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import type { AppState } from './app.svelte';

/** Undo and redo of decisions, which survive restarts. */
export class HistoryState {
  marks = $state.raw<Marks>({ undo: null, redo: null });

  readonly #host: Host;
  readonly #app: AppState;
  readonly #imageId: () => string | null;

  /** @param imageId the image that is shown: turns are only undone where they are seen */
  constructor(host: Host, app: AppState, imageId: () => string | null) {
    this.#host = host;
    this.#app = app;
    this.#imageId = imageId;
    host.connection.on('history.changed', () => {
      void this.#app.attempt(() => this.refresh());
    });
  }

  async refresh(): Promise<void> {
    this.marks = await this.#host.connection.call('history.state', { imageId: this.#imageId() });
  }

  /** What was taken back; undefined when that failed, which has been told. */
  undo(): Promise<Played | undefined> {
    return this.#go('history.undo');
  }

  redo(): Promise<Played | undefined> {
    return this.#go('history.redo');
  }

  async #go(method: 'history.undo' | 'history.redo'): Promise<Played | undefined> {
    const played = await this.#app.attempt(() =>
      this.#host.connection.call(method, { imageId: this.#imageId() }),
    );
    if (!played) return undefined;
    this.marks = played.history;
    this.#app.saved();
    return played;
  }
}
