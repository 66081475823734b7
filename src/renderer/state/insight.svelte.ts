import type {
  Agreement,
  AgreementCase,
  InsightFilter,
  InsightSummary,
  JobState,
} from '@shared/contract/methods';
import type { Host } from '../lib/host';
import type { AppState } from './app.svelte';

const everything: InsightFilter = { from: null, to: null, categoryId: null, policy: null, runId: null };
/** Statistics are read again at most so often while work goes on, in milliseconds. */
const settleMs = 400;

/** The numbers of the statistics page. */
export class InsightState {
  summary = $state.raw<InsightSummary | null>(null);
  filter = $state.raw<InsightFilter>(everything);
  agreement = $state.raw<Agreement | null>(null);
  /** Place of the case that is looked at, and the case with its masks. */
  place = $state<number | null>(null);
  case = $state.raw<AgreementCase | null>(null);
  readonly #host: Host;
  readonly #app: AppState;
  #job = $state<string | null>(null);
  #generation = 0;

  readonly isFiltered = $derived(Object.values(this.filter).some((value) => value !== null));
  readonly job: JobState | null = $derived.by(
    () => this.#app.runningJobs.find(({ id }) => id === this.#job) ?? null,
  );

  constructor(host: Host, app: AppState) {
    this.#host = host;
    this.#app = app;
  }

  /** Reads all, and again whenever something changed. Returns how to stop that. */
  follow(): () => void {
    void this.#read();
    void this.#readAgreement();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = null;
        void this.#read();
      }, settleMs);
    };
    const { connection } = this.#host;
    const stops = [
      connection.on('images.changed', soon),
      connection.on('annotations.changed', soon),
      connection.on('history.changed', soon),
      connection.on('job.changed', (job) => {
        if (job.id === this.#job && job.status === 'done') void this.#readAgreement();
      }),
    ];
    return () => {
      if (timer !== null) clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }

  async narrow(change: Partial<InsightFilter>): Promise<void> {
    this.filter = { ...this.filter, ...change };
    await this.#read();
  }

  async clear(): Promise<void> {
    await this.narrow(everything);
  }

  async #read(): Promise<void> {
    const generation = ++this.#generation;
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    const summary = await this.#app.attempt(() =>
      this.#host.connection.call('insight.summary', { filter: this.filter, timeZone }),
    );
    if (summary && generation === this.#generation) this.summary = summary;
  }

  async #readAgreement(): Promise<void> {
    const agreement = await this.#app.attempt(() => this.#host.connection.call('insight.agreement', {}));
    if (agreement === undefined || agreement?.at === this.agreement?.at) return;
    this.agreement = agreement;
    this.place = null;
    this.case = null;
  }

  async compare(file: string, threshold: number, onlyDone: boolean): Promise<void> {
    await this.#app.attempt(async () => {
      const { jobId } = await this.#host.connection.call('insight.compare', { file, threshold, onlyDone });
      this.#job = jobId;
      // It may have ended before its id was known here.
      if (!this.job) await this.#readAgreement();
    });
  }

  async look(place: number): Promise<void> {
    this.place = place;
    const found = await this.#app.attempt(() => this.#host.connection.call('insight.case', { place }));
    if (found && this.place === place) this.case = found;
  }
}
