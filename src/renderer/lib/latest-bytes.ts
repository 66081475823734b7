/** Things with a size, the least recently used of which go when there is not room for all. */
export class LatestBytes<Value> {
  /** Key of the one that stays, whatever comes. */
  pinned: string | null = null;
  readonly #limit: number;
  readonly #most: number;
  readonly #dropped: (value: Value, key: string) => void;
  readonly #entries = new Map<string, { value: Value; bytes: number }>();
  #bytes = 0;

  /**
   * @param dropped called for every value that leaves
   * @param most how many there are at most
   */
  constructor(limit: number, dropped: (value: Value, key: string) => void, most = Number.POSITIVE_INFINITY) {
    this.#limit = limit;
    this.#most = most;
    this.#dropped = dropped;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** The newest value stays even when it is larger than the limit alone. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    this.#entries.set(key, { value, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if ((this.#bytes <= this.#limit && this.#entries.size <= this.#most) || oldest === key) break;
      if (oldest !== this.pinned) this.delete(oldest);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
    this.#dropped(entry.value, key);
  }

  clear(): void {
    for (const key of [...this.#entries.keys()]) this.delete(key);
  }
}
