import type { MethodInput, MethodOutput, Run, RunPreview } from '@shared/contract/methods';
import type { Host } from '../lib/host';
import type { AppState } from './app.svelte';
import type { ProjectState } from './project.svelte';

/** What runs belong to; `Workbench` is one. */
interface Workbench {
  readonly host: Host;
  readonly app: AppState;
  readonly project: ProjectState;
}

export type RunPlanInput = MethodInput<'runs.start'>;

/** The runs of the project, and the one that is being planned. */
export class RunsState {
  list = $state.raw<readonly Run[]>([]);
  loaded = $state(false);
  preview = $state.raw<RunPreview | null>(null);
  /** The preview is of a plan that has changed since. */
  stale = $state(false);
  starting = $state(false);

  readonly #workbench: Workbench;
  #asked = 0;

  constructor(workbench: Workbench) {
    this.#workbench = workbench;
    workbench.host.connection.on('job.changed', (job) => {
      const known = this.list.find(({ id }) => id === job.id);
      if (!known) return;
      this.list = this.list.map((run) => (run.id === job.id ? { ...run, job } : run));
      // Its counts are read when it comes to rest.
      if (job.status !== 'running' && job.status !== 'queued')
        void workbench.app.attempt(() => this.refresh());
    });
  }

  reset(): void {
    this.list = [];
    this.loaded = false;
    this.preview = null;
  }

  async refresh(): Promise<void> {
    if (!this.#workbench.project.current) return;
    this.list = await this.#workbench.host.connection.call('runs.list', {});
    this.loaded = true;
  }

  /** What a plan would do; the newest question wins. */
  async ask(plan: RunPlanInput | null): Promise<void> {
    const asked = ++this.#asked;
    if (plan === null) {
      this.preview = null;
      this.stale = false;
      return;
    }
    const preview = await this.#workbench.app.attempt(() =>
      this.#workbench.host.connection.call('runs.preview', plan),
    );
    if (asked !== this.#asked) return;
    this.preview = preview ?? null;
    this.stale = false;
  }

  async start(plan: RunPlanInput): Promise<boolean> {
    this.starting = true;
    const run = await this.#workbench.app.attempt(() =>
      this.#workbench.host.connection.call('runs.start', plan),
    );
    this.starting = false;
    if (!run) return false;
    this.list = [run, ...this.list.filter(({ id }) => id !== run.id)];
    await this.#workbench.app.attempt(() => this.refresh());
    return true;
  }

  async act(
    method: 'runs.pause' | 'runs.resume' | 'runs.cancel' | 'runs.retry',
    runId: string,
  ): Promise<void> {
    const run = await this.#workbench.app.attempt(() =>
      this.#workbench.host.connection.call(method, { runId }),
    );
    if (!run) return;
    this.list = this.list.some(({ id }) => id === run.id)
      ? this.list.map((other) => (other.id === run.id ? run : other))
      : [run, ...this.list];
  }

  async failures(runId: string, offset: number): Promise<MethodOutput<'runs.items'> | undefined> {
    return this.#workbench.app.attempt(() =>
      this.#workbench.host.connection.call('runs.items', { runId, state: 'failed', offset, limit: 50 }),
    );
  }
}
