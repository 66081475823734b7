import { MaskwrightError } from '@shared/contract/errors';

interface Waiting<Value> {
  ticket: number;
  task: () => Promise<Value>;
  resolve(value: Value): void;
  reject(error: Error): void;
  /** Stops listening to the caller's signal. */
  release(): void;
}

/**
 * One task at a time. Of each lane at most one task waits, and the newest one wins: an older waiting one is
 * rejected with CANCELLED, and so is one that comes after a newer one of its lane did (it was held up elsewhere).
 * Lanes take turns in the order in which they began to wait.
 */
export class LatestWinsQueue<Value> {
  private readonly waiting = new Map<string, Waiting<Value>>();
  /** The newest ticket that each lane with open tickets has brought, and how many tickets are open. */
  private readonly lanes = new Map<string, { newest: number; open: number }>();
  private nextTicket = 1;
  private running = false;

  /** Marks the moment of a request, before whatever it waits for. Must be followed by {@link add} or {@link drop}. */
  ticket(lane: string): number {
    const state = this.lanes.get(lane) ?? { newest: 0, open: 0 };
    state.open++;
    this.lanes.set(lane, state);
    return this.nextTicket++;
  }

  /** Gives up a ticket. */
  drop(lane: string): void {
    const state = this.lanes.get(lane);
    if (state === undefined) return;
    state.open--;
    if (state.open === 0) this.lanes.delete(lane);
  }

  /**
   * Runs the task when it is its lane's turn. An abort rejects with CANCELLED at once; a task that is running
   * then is left to finish and its result is dropped.
   */
  async add(lane: string, ticket: number, task: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    try {
      const state = this.lanes.get(lane);
      if (state !== undefined && ticket < state.newest) throw superseded();
      if (state !== undefined) state.newest = ticket;
      return await new Promise<Value>((resolve, reject) => {
        if (signal?.aborted === true) {
          reject(aborted());
          return;
        }
        const onAbort = (): void => {
          if (this.waiting.get(lane) === entry) this.waiting.delete(lane);
          reject(aborted());
        };
        const entry: Waiting<Value> = {
          ticket,
          task,
          resolve,
          reject,
          release: () => signal?.removeEventListener('abort', onAbort),
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        const older = this.waiting.get(lane);
        if (older !== undefined) {
          older.release();
          older.reject(superseded());
        }
        // Setting an existing key keeps the lane's place in the line.
        this.waiting.set(lane, entry);
        this.next();
      });
    } finally {
      this.drop(lane);
    }
  }

  /** Rejects everything that waits. */
  clear(): void {
    for (const entry of this.waiting.values()) {
      entry.release();
      entry.reject(new MaskwrightError('CANCELLED', 'The segmenter was closed.'));
    }
    this.waiting.clear();
  }

  private next(): void {
    if (this.running) return;
    for (const [lane, entry] of this.waiting) {
      this.waiting.delete(lane);
      this.running = true;
      void this.execute(entry);
      return;
    }
  }

  private async execute(entry: Waiting<Value>): Promise<void> {
    try {
      entry.resolve(await entry.task());
    } catch (error) {
      entry.reject(error instanceof Error ? error : new Error(String(error)));
    } finally {
      entry.release();
      this.running = false;
      this.next();
    }
  }
}

export function aborted(): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'The request was cancelled.');
}

function superseded(): MaskwrightError {
  return new MaskwrightError('CANCELLED', 'A newer request took the place of this one.');
}
