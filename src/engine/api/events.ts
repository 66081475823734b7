import type { EventName, EventPayload } from '@shared/contract/methods';

export type Emit = <E extends EventName>(event: E, payload: EventPayload<E>) => void;
type Listener = <E extends EventName>(event: E, payload: EventPayload<E>) => void;

/** Tells all connected clients; one that fails does not keep the others from hearing. */
export class EngineEvents {
  private readonly listeners = new Set<Listener>();
  private readonly log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.log = log;
  }

  subscribe(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  emit<E extends EventName>(event: E, payload: EventPayload<E>): void {
    for (const listener of [...this.listeners]) {
      try {
        listener(event, payload);
      } catch (error) {
        this.log(`A listener of ${event} failed: ${String(error)}`);
      }
    }
  }
}
