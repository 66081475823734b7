import type { HistoryState as Marks } from '@shared/contract/methods';
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

  async undo(): Promise<void> {
    await this.#go('history.undo');
  }

  async redo(): Promise<void> {
    await this.#go('history.redo');
  }

  async #go(method: 'history.undo' | 'history.redo'): Promise<void> {
    const marks = await this.#app.attempt(() =>
      this.#host.connection.call(method, { imageId: this.#imageId() }),
    );
    if (!marks) return;
    this.marks = marks;
    this.#app.saved();
  }
}
