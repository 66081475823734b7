import { MaskwrightError } from '@shared/contract/errors';
import PQueue from 'p-queue';
import { aborted } from './decode-queue';
import type { Priority } from './segmenter';

interface Job<Value> {
  id: string;
  priority: Priority;
  started: boolean;
  /** Told when it begins. */
  onStart: (() => void)[];
  /** Callers that still want the result. */
  waiters: number;
  promise: Promise<Value>;
}

const ranks: Record<Priority, number> = { foreground: 1, prefetch: 0 };

/**
 * One task at a time, foreground before prefetches. Requests with the same key share one run, and a foreground
 * request for what waits as a prefetch moves it to the front. A task that has begun is never interrupted; one that
 * nobody waits for any more is not begun.
 */
export class EncodeQueue<Value> {
  private readonly queue = new PQueue({ concurrency: 1 });
  private readonly jobs = new Map<string, Job<Value>>();
  private nextId = 1;
  private closed = false;

  /** @throws CANCELLED on abort (for this caller only), and whatever the task throws */
  async add(
    key: string,
    task: () => Promise<Value>,
    options: { priority: Priority; signal?: AbortSignal; onStart?: () => void },
  ): Promise<Value> {
    const { priority, signal, onStart } = options;
    if (this.closed || signal?.aborted === true) throw aborted();
    const job = this.jobs.get(key) ?? this.begin(key, task, priority);
    if (priority === 'foreground' && job.priority === 'prefetch') {
      job.priority = 'foreground';
      if (!job.started) this.queue.setPriority(job.id, ranks.foreground);
    }
    job.waiters++;
    if (onStart && job.started) onStart();
    else if (onStart) job.onStart.push(onStart);
    if (signal === undefined) return job.promise;
    return new Promise<Value>((resolve, reject) => {
      const onAbort = (): void => {
        job.waiters--;
        if (job.waiters === 0 && !job.started && this.jobs.get(key) === job) this.jobs.delete(key);
        reject(aborted());
      };
      signal.addEventListener('abort', onAbort, { once: true });
      job.promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
    });
  }

  /** Drops what waits. */
  close(): void {
    this.closed = true;
  }

  private begin(key: string, task: () => Promise<Value>, priority: Priority): Job<Value> {
    const id = String(this.nextId++);
    // The queue may begin at once, before there is a promise.
    const state = { id, priority, started: false, onStart: [] as (() => void)[], waiters: 0 };
    const run = async (): Promise<Value> => {
      state.started = true;
      await null;
      if (this.closed || state.waiters === 0) {
        throw new MaskwrightError('CANCELLED', 'Nobody waits for this image any more.');
      }
      for (const begin of state.onStart) begin();
      return task();
    };
    const promise = this.queue.add(run, { priority: ranks[priority], id });
    const job: Job<Value> = Object.assign(state, { promise });
    this.jobs.set(key, job);
    const forget = (): void => {
      if (this.jobs.get(key) === job) this.jobs.delete(key);
    };
    // Handles the rejection of a job whose callers have all gone.
    promise.then(forget, forget);
    return job;
  }
}
