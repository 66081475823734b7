import { messageOf } from '@shared/contract/errors';

interface Held<Value> {
  value: Value;
  uses: number;
}

/** Holds an instance that can be replaced while it is in use: the old one is closed when its last use has ended. */
export class Slot<Value extends { close(): Promise<void> }> {
  private held: Held<Value> | null = null;
  /** Replaced, and still in use. */
  private readonly retired = new Set<Held<Value>>();
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  get current(): Value | null {
    return this.held?.value ?? null;
  }

  replace(next: Value | null): void {
    const old = this.held;
    this.held = next && { value: next, uses: 0 };
    if (!old) return;
    this.retired.add(old);
    this.closeWhenUnused(old);
  }

  /** @throws what `missing` makes when there is no instance */
  async use<Result>(missing: () => Error, work: (value: Value) => Promise<Result>): Promise<Result> {
    const { held } = this;
    if (!held) throw missing();
    held.uses++;
    try {
      return await work(held.value);
    } finally {
      held.uses--;
      this.closeWhenUnused(held);
    }
  }

  /** Closes all at once, used or not. */
  async close(): Promise<void> {
    const all = [...this.retired, ...(this.held ? [this.held] : [])];
    this.held = null;
    this.retired.clear();
    await Promise.all(all.map(({ value }) => value.close()));
  }

  private closeWhenUnused(held: Held<Value>): void {
    if (held.uses > 0 || !this.retired.delete(held)) return;
    held.value.close().catch((error: unknown) => this.log(`A model was not closed: ${messageOf(error)}`));
  }
}
