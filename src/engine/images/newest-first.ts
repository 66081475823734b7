import { MaskwrightError } from '@shared/contract/errors';

interface Waiting {
  key: string;
  start: () => void;
  giveUp: () => void;
}

const givenUp = (): MaskwrightError => new MaskwrightError('CANCELLED', 'It is not wanted any more.');

/**
 * Turns for work that only the latest askers still care about: some at a time, of those that wait the newest first,
 * and the oldest given up (CANCELLED) when too many wait.
 */
export class NewestFirst {
  readonly #concurrency: number;
  readonly #maxWaiting: number;
  readonly #waiting: Waiting[] = [];
  #running = 0;

  constructor(concurrency: number, maxWaiting: number) {
    this.#concurrency = concurrency;
    this.#maxWaiting = maxWaiting;
  }

  /** Runs the work when its turn comes. Rejects with CANCELLED when it was given up before. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(key);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      this.#next();
    }
  }

  /** Gives up what waits and is not named. */
  keep(keys: ReadonlySet<string>): void {
    for (const waiting of this.#waiting.filter(({ key }) => !keys.has(key))) this.#drop(waiting);
  }

  #turn(key: string): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ key, start: resolve, giveUp: () => reject(givenUp()) });
      const oldest = this.#waiting.length > this.#maxWaiting ? this.#waiting[0] : undefined;
      if (oldest) this.#drop(oldest);
    });
  }

  #next(): void {
    const newest = this.#waiting.pop();
    if (!newest) return;
    this.#running += 1;
    newest.start();
  }

  #drop(waiting: Waiting): void {
    const index = this.#waiting.indexOf(waiting);
    if (index < 0) return;
    this.#waiting.splice(index, 1);
    waiting.giveUp();
  }
}
