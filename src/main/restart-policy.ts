/** How often something that crashes is started again before it is left alone. */

const WINDOW_MS = 60_000;
const MAX_RESTARTS = 5;
const DELAYS_MS = [0, 250, 1_000, 2_000, 4_000];

export class RestartPolicy {
  #crashes: number[] = [];

  /** Milliseconds to wait before the next start; null when it crashed too often within a minute. */
  crashed(now: number): number | null {
    this.#crashes = this.#crashes.filter((time) => now - time < WINDOW_MS);
    this.#crashes.push(now);
    if (this.#crashes.length > MAX_RESTARTS) return null;
    return DELAYS_MS[this.#crashes.length - 1] ?? null;
  }

  /** Forgets the past: a person asked for another try. */
  reset(): void {
    this.#crashes = [];
  }
}
