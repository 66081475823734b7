type Run<T> = (value: T, isWanted: () => boolean) => Promise<void>;

/** One task at a time; of those that come meanwhile only the newest is kept. */
export class LatestWins<T> {
  #running = false;
  #queued: { value: T; run: Run<T> } | null = null;
  #dropped = 0;

  async ask(value: T, run: Run<T>): Promise<void> {
    this.#queued = { value, run };
    if (this.#running) return;
    this.#running = true;
    for (let next = this.#take(); next; next = this.#take()) {
      const dropped = this.#dropped;
      await next.run(next.value, () => dropped === this.#dropped);
    }
    this.#running = false;
  }

  /** Nothing is wanted any more: what is running will not count. */
  drop(): void {
    this.#dropped++;
    this.#queued = null;
  }

  #take(): { value: T; run: Run<T> } | null {
    const next = this.#queued;
    this.#queued = null;
    return next;
  }
}
