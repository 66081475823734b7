import { randomBytes } from 'node:crypto';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { JobState } from '@shared/contract/methods';
import { RateMeter } from './rate';

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

/** Where jobs are kept over a restart; `ProjectStore` is one. */
export interface JobStorage {
  saveJob(job: JobState): void;
  listJobs(): JobState[];
  storedJob(jobId: string): JobState | null;
}

export type JobListener = (job: JobState) => void;

/** Shortest time between two reports of progress, in milliseconds. */
const reportEveryMs = 150;
/** Failures that are kept by name; the rest is counted. */
const maxFailures = 1000;
/** Ended jobs that are remembered. */
const maxEnded = 100;

type Work = (context: JobContext) => Promise<string | null | undefined>;

export interface StartOptions {
  /** That of an ended or paused job, which goes on under it; a new one without. */
  id?: string;
  /** Jobs of the same lane run one after another. */
  lane?: string;
  /** It can be paused, and is when the project is closed. */
  pausable?: boolean;
  done?: number;
  total?: number | null;
}

interface Job {
  state: JobState;
  lane: string | null;
  pausable: boolean;
  /** What the job is to be called once its work has noticed the abort. */
  stopsAs: 'cancelled' | 'paused';
  controller: AbortController;
  finished: Promise<void>;
  reportedAt: number;
  moreFailures: number;
}

const isActive = ({ status }: JobState): boolean => status === 'running' || status === 'queued';

/**
 * Runs long work with progress, rate, time left, failures by item, pausing and cancelling; jobs of a lane wait for
 * each other. States are stored on start, some
 * times a second while a job runs, and at its end, so that they survive a restart.
 */
export class JobRunner {
  readonly #jobs = new Map<string, Job>();
  readonly #listeners = new Set<JobListener>();
  readonly #now: () => number;
  #storage: JobStorage | null;

  constructor(options: { storage?: JobStorage | null; now?: () => number } = {}) {
    this.#storage = options.storage ?? null;
    this.#now = options.now ?? Date.now;
  }

  /** Told whenever a state is stored. Returns how to stop it. */
  onChange(listener: JobListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Changes to the storage of another project; jobs of the former one are forgotten. Call `stopAll` before. */
  setStorage(storage: JobStorage | null): void {
    this.#storage = storage;
    this.#jobs.clear();
  }

  /** Jobs of this run and stored ones, newest first. */
  list(): JobState[] {
    const known = [...this.#jobs.values()].map((job) => job.state).reverse();
    const ids = new Set(known.map((job) => job.id));
    return [...known, ...(this.#storage?.listJobs() ?? []).filter((job) => !ids.has(job.id))];
  }

  /** A job of this run of the application; null for others. */
  known(jobId: string): JobState | null {
    return this.#jobs.get(jobId)?.state ?? null;
  }

  /** Whether a job runs or waits for its lane, and was not asked to stop. */
  isAtWork(jobId: string): boolean {
    const job = this.#jobs.get(jobId);
    return job !== undefined && isActive(job.state) && !job.controller.signal.aborted;
  }

  /** Starts work, or lets it wait for its lane, and returns at once; `work` may end with a message for the person. */
  start(kind: string, label: string, work: Work, options: StartOptions = {}): JobState {
    const { lane = null, pausable = false } = options;
    const ahead = lane === null ? [] : this.#inLane(lane);
    const state: JobState = {
      id: options.id ?? `job_${randomBytes(8).toString('hex')}`,
      kind,
      label,
      status: ahead.length > 0 ? 'queued' : 'running',
      done: options.done ?? 0,
      total: options.total ?? null,
      rate: null,
      eta: null,
      message: null,
      failures: [],
    };
    const before = this.#jobs.get(state.id);
    // One that was asked to stop goes on as a new one, once its work has noticed.
    if (before && this.isAtWork(state.id)) return before.state;
    const job: Job = {
      state,
      lane,
      pausable,
      stopsAs: 'cancelled',
      controller: new AbortController(),
      finished: Promise.resolve(),
      reportedAt: 0,
      moreFailures: 0,
    };
    this.#jobs.delete(state.id);
    this.#jobs.set(state.id, job);
    this.#forgetOldest();
    this.#report(job);
    const turn = Promise.all([...ahead, ...(before ? [before] : [])].map((other) => other.finished));
    job.finished = turn.then(() => this.#run(job, work));
    return job.state;
  }

  /** Jobs of a lane whose work has not ended. */
  #inLane(lane: string): Job[] {
    return [...this.#jobs.values()].filter((job) => job.lane === lane && isActive(job.state));
  }

  async #run(job: Job, work: Work): Promise<void> {
    if (!isActive(job.state)) return;
    if (job.state.status === 'queued') {
      job.state = { ...job.state, status: 'running' };
      this.#report(job);
    }
    const meter = new RateMeter(this.#now());
    const update = (patch: Partial<JobState>): void => {
      if (job.state.status !== 'running') return;
      job.state = { ...job.state, ...patch };
      if (this.#now() - job.reportedAt >= reportEveryMs) this.#report(job);
    };
    const context: JobContext = {
      signal: job.controller.signal,
      progress: (done, total) => update({ done, total, ...meter.update(this.#now(), done, total) }),
      fail: (item, message) => {
        if (job.state.failures.length >= maxFailures) job.moreFailures += 1;
        else update({ failures: [...job.state.failures, { item, message }] });
      },
      message: (text) => update({ message: text }),
    };
    try {
      // Work that throws before its first await must not throw out of `start`.
      await Promise.resolve();
      if (job.controller.signal.aborted) throw new MaskwrightError('CANCELLED', 'Stopped.');
      const message = await work(context);
      this.#settle(job, 'done', message ?? job.state.message);
    } catch (error) {
      if (isCancelled(error) || job.controller.signal.aborted) {
        this.#settle(job, job.stopsAs, job.stopsAs === 'paused' ? null : 'Stopped.');
      } else {
        const hint = error instanceof MaskwrightError && error.hint !== '' ? ` ${error.hint}` : '';
        this.#settle(job, 'failed', messageOf(error) + hint);
      }
    }
  }

  #settle(job: Job, status: JobState['status'], message: string | null): void {
    if (!isActive(job.state)) return;
    const failures =
      job.moreFailures === 0
        ? job.state.failures
        : [...job.state.failures, { item: '…', message: `${job.moreFailures} more` }];
    job.state = { ...job.state, status, message, failures, rate: null, eta: null };
    this.#report(job);
  }

  #report(job: Job): void {
    job.reportedAt = this.#now();
    if (this.#jobs.get(job.state.id) !== job) return;
    const storage = this.#storage;
    if (storage !== null) this.#tell(() => storage.saveJob(job.state));
    for (const listener of [...this.#listeners]) this.#tell(() => listener(job.state));
  }

  /** A job's work is what counts: it goes on when its progress cannot be stored or told. */
  #tell(work: () => void): void {
    try {
      work();
    } catch (error) {
      console.error(`The state of a job could not be told: ${messageOf(error)}`);
    }
  }

  #forgetOldest(): void {
    for (const [id, job] of this.#jobs) {
      if (this.#jobs.size <= maxEnded) return;
      if (!isActive(job.state)) this.#jobs.delete(id);
    }
  }

  /** Asks a job to stop. It is `cancelled` once its work has noticed; an ended one stays as it is. Throws NOT_FOUND. */
  cancel(jobId: string): JobState {
    const job = this.#jobs.get(jobId);
    if (job) {
      job.stopsAs = 'cancelled';
      this.#stop(job);
      // A paused one does not run: nothing has to notice.
      if (job.state.status === 'paused') this.#rest(job, 'cancelled', 'Stopped.');
      return job.state;
    }
    const stored = this.#storage?.storedJob(jobId) ?? null;
    if (stored === null) throw new MaskwrightError('NOT_FOUND', 'There is no such job.');
    if (stored.status !== 'paused') return stored;
    const ended: JobState = { ...stored, status: 'cancelled', message: 'Stopped.' };
    this.#storage?.saveJob(ended);
    for (const listener of [...this.#listeners]) this.#tell(() => listener(ended));
    return ended;
  }

  /** Asks a job to pause; it is `paused` once its work has noticed. Throws NOT_FOUND, or CONFLICT for another kind. */
  pause(jobId: string): JobState {
    const job = this.#jobs.get(jobId);
    if (job === undefined) throw new MaskwrightError('NOT_FOUND', 'There is no such job.');
    if (!job.pausable) throw new MaskwrightError('CONFLICT', 'This job cannot be paused.');
    if (!isActive(job.state)) return job.state;
    job.stopsAs = 'paused';
    this.#stop(job);
    return job.state;
  }

  #stop(job: Job): void {
    if (!isActive(job.state)) return;
    job.controller.abort();
    if (job.state.status === 'queued')
      this.#settle(job, job.stopsAs, job.stopsAs === 'paused' ? null : 'Stopped.');
  }

  #rest(job: Job, status: JobState['status'], message: string): void {
    job.state = { ...job.state, status, message, rate: null, eta: null };
    this.#report(job);
  }

  /**
   * Stops all jobs and calls them cancelled (or paused, where they can go on) at once, so that this is stored before
   * a project is closed. Resolves when their work has really ended.
   */
  async stopAll(): Promise<void> {
    const jobs = [...this.#jobs.values()];
    for (const job of jobs) {
      if (!isActive(job.state)) continue;
      job.controller.abort();
      if (job.pausable) this.#settle(job, 'paused', 'Paused because the project was closed.');
      else this.#settle(job, 'cancelled', 'Stopped because the project was closed.');
    }
    await Promise.all(jobs.map((job) => job.finished));
  }

  /** Resolves with a job's last state when its work has ended. Throws NOT_FOUND for jobs of an earlier run. */
  async wait(jobId: string): Promise<JobState> {
    const job = this.#jobs.get(jobId);
    if (job === undefined) throw new MaskwrightError('NOT_FOUND', 'There is no such job.');
    await job.finished;
    return job.state;
  }
}
