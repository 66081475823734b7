/** Weight of the newest measurement against the mean of the former ones. */
const weight = 0.3;
/** Shortest time over which a rate is measured, in milliseconds. */
const minimumMs = 200;

/** Items a second, smoothed, and seconds left. */
export class RateMeter {
  #at: number;
  #done: number | null = null;
  #rate: number | null = null;

  /** `now` in milliseconds. */
  constructor(now: number) {
    this.#at = now;
  }

  /** `now` in milliseconds; null while not known. The first call sets where counting starts. */
  update(now: number, done: number, total: number | null): { rate: number | null; eta: number | null } {
    if (this.#done === null || done < this.#done) {
      this.#done = done;
      this.#at = now;
    } else if (now - this.#at >= minimumMs && done > this.#done) {
      const measured = ((done - this.#done) * 1000) / (now - this.#at);
      this.#rate = this.#rate === null ? measured : this.#rate * (1 - weight) + measured * weight;
      this.#done = done;
      this.#at = now;
    }
    const left = total === null ? null : Math.max(0, total - done);
    const eta = left === null || this.#rate === null || this.#rate <= 0 ? null : left / this.#rate;
    return { rate: this.#rate, eta };
  }
}
