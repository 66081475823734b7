import type { HistoryState as Marks } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import type { AppState } from './app.svelte';

/** Undo and redo of decisions, which survive restarts. */
export class HistoryState {
  marks = $state.raw<Marks>({ undo: null, redo: null });

  readonly #host: Host;
  readonly #app: AppState;

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
    host.connection.on('history.changed', (marks) => {
      this.marks = marks;
    });
  }

  async refresh(): Promise<void> {
    this.marks = await this.#host.connection.call('history.state', {});
  }

  async undo(): Promise<void> {
    await this.#go('history.undo');
  }

  async redo(): Promise<void> {
    await this.#go('history.redo');
  }

  async #go(method: 'history.undo' | 'history.redo'): Promise<void> {
    const marks = await this.#app.attempt(() => this.#host.connection.call(method, {}));
    if (!marks) return;
    this.marks = marks;
    this.#app.saved();
  }
}
