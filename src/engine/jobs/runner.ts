import { randomBytes } from 'node:crypto';
import { isCancelled, MaskwrightError, messageOf } from '../../shared/contract/errors';
import type { JobState } from '../../shared/contract/methods';
import { RateMeter } from './rate';

/** Where jobs are kept over a restart; `ProjectStore` is one. */
export interface JobStorage {
  saveJob(job: JobState): void;
  listJobs(): JobState[];
}

/** What the work of a job is given. */
export interface JobContext {
  /** Aborted by `cancel`. Work checks it between items and throws CANCELLED. */
  signal: AbortSignal;
  /** Items done, and how many there are (null: not known yet). */
  progress(done: number, total: number | null): void;
  /** An item that failed; the job goes on. */
  fail(item: string, message: string): void;
  message(text: string): void;
}

/** Shortest time between two reports of progress, in milliseconds. */
const reportEveryMs = 150;
/** Failures that are kept by name; the rest is counted. */
const maxFailures = 1000;

interface Running {
  state: JobState;
  controller: AbortController;
  finished: Promise<JobState>;
  reportedAt: number;
  moreFailures: number;
}

/** Runs long work with progress, rate, time left, cancelling and a record that survives a restart. */
export class JobRunner {
  readonly #jobs = new Map<string, Running>();
  readonly #listeners = new Set<(job: JobState) => void>();
  readonly #now: () => number;
  #storage: JobStorage | null;

  constructor(options: { storage?: JobStorage | null; now?: () => number } = {}) {
    this.#storage = options.storage ?? null;
    this.#now = options.now ?? Date.now;
  }

  /** Told on start, at most some times a second while running, and at the end. Returns how to stop it. */
  onChange(listener: (job: JobState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Stored and running jobs, newest first. */
  list(): JobState[] {
    const running = [...this.#jobs.values()].map((job) => job.state).reverse();
    const ids = new Set(running.map((job) => job.id));
    return [...running, ...(this.#storage?.listJobs() ?? []).filter((job) => !ids.has(job.id))];
  }

  /** Starts work and returns at once; `work` may end with a message for the person. */
  start(kind: string, label: string, work: (context: JobContext) => Promise<string | null>): JobState {
    const state: JobState = {
      id: `job_${randomBytes(8).toString('hex')}`,
      kind,
      label,
      status: 'running',
      done: 0,
      total: null,
      rate: null,
      eta: null,
      message: null,
      failures: [],
    };
    const controller = new AbortController();
    const job: Running = {
      state,
      controller,
      finished: Promise.resolve(state),
      reportedAt: 0,
      moreFailures: 0,
    };
    this.#jobs.set(state.id, job);
    this.#report(job, true);
    job.finished = this.#run(job, work);
    return job.state;
  }

  async #run(job: Running, work: (context: JobContext) => Promise<string | null>): Promise<JobState> {
    const meter = new RateMeter(this.#now());
    const context: JobContext = {
      signal: job.controller.signal,
      progress: (done, total) => {
        const { rate, eta } = meter.update(this.#now(), done, total);
        job.state = { ...job.state, done, total, rate, eta };
        this.#report(job, false);
      },
      fail: (item, message) => {
        if (job.state.failures.length < maxFailures) {
          job.state = { ...job.state, failures: [...job.state.failures, { item, message }] };
        } else job.moreFailures += 1;
        this.#report(job, false);
      },
      message: (text) => {
        job.state = { ...job.state, message: text };
        this.#report(job, false);
      },
    };
    try {
      const message = await work(context);
      this.#settle(job, 'done', message ?? job.state.message);
    } catch (error) {
      if (isCancelled(error) || job.controller.signal.aborted) this.#settle(job, 'cancelled', 'Stopped.');
      else {
        const hint = error instanceof MaskwrightError && error.hint !== '' ? ` ${error.hint}` : '';
        this.#settle(job, 'failed', messageOf(error) + hint);
      }
    }
    return job.state;
  }

  #settle(job: Running, status: JobState['status'], message: string | null): void {
    const failures =
      job.moreFailures === 0
        ? job.state.failures
        : [...job.state.failures, { item: '…', message: `${job.moreFailures} more` }];
    job.state = { ...job.state, status, message, failures, eta: null };
    this.#report(job, true);
  }

  #report(job: Running, always: boolean): void {
    const now = this.#now();
    if (!always && now - job.reportedAt < reportEveryMs) return;
    job.reportedAt = now;
    try {
      this.#storage?.saveJob(job.state);
    } catch (error) {
      // The project may be closed while a job ends; its work is what counts.
      if (!(error instanceof MaskwrightError && error.code === 'NO_PROJECT')) {
        console.error(`A job's state was not stored: ${messageOf(error)}`);
      }
    }
    for (const listener of [...this.#listeners]) {
      try {
        listener(job.state);
      } catch (error) {
        console.error(`A listener of jobs failed: ${messageOf(error)}`);
      }
    }
  }

  /** Asks a job to stop. It is `cancelled` once its work has noticed. Throws NOT_FOUND. */
  cancel(jobId: string): JobState {
    const job = this.#jobs.get(jobId);
    if (job === undefined) {
      const stored = this.#storage?.listJobs().find((other) => other.id === jobId);
      if (stored !== undefined) return stored;
      throw new MaskwrightError('NOT_FOUND', 'There is no such job.');
    }
    if (job.state.status === 'running') job.controller.abort();
    return job.state;
  }

  /** Resolves with the job's last state when it has ended. Throws NOT_FOUND. */
  async wait(jobId: string): Promise<JobState> {
    const job = this.#jobs.get(jobId);
    if (job === undefined) throw new MaskwrightError('NOT_FOUND', 'There is no such job.');
    return job.finished;
  }

  /** Stops all jobs and waits for them: before a project is closed. */
  async stopAll(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) if (job.state.status === 'running') job.controller.abort();
    await Promise.all(jobs.map((job) => job.finished));
  }

  /** Changes to the storage of another project. Jobs of the former one are forgotten here: stop them first. */
  setStorage(storage: JobStorage | null): void {
    this.#storage = storage;
    for (const [id, job] of this.#jobs) if (job.state.status !== 'running') this.#jobs.delete(id);
  }
}
