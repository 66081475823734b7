import { randomUUID } from 'node:crypto';
import { MaskwrightError } from '@shared/contract/errors';
import { EnvironmentSession, type EnvironmentWorld } from './environment-session';

export class CapacityReached extends MaskwrightError {
  constructor(
    readonly active: number,
    readonly most: number,
  ) {
    super('CONFLICT', `All ${most} sessions are in use.`, {
      hint: 'Close one, wait until one expires, or start the server with more --sessions.',
      retryable: true,
    });
  }
}

export interface SessionsOptions {
  world: EnvironmentWorld;
  most: number;
  /** A session without a request for so long is closed. Milliseconds. */
  idleMs: number;
}

export interface OpenedSession {
  readonly id: string;
  readonly session: EnvironmentSession;
}

interface Entry extends OpenedSession {
  /** A session that nobody closes, because its transport knows no end: it makes room once its episode is over. */
  yields: boolean;
  onExpire: () => void;
}

/** How often sessions are looked through for ones that have expired, at most. */
const sweepMs = 10_000;

/** The open sessions of a server: bounded in number, closed when nobody uses them. */
export class EnvironmentSessions {
  private readonly entries = new Map<string, Entry>();
  private readonly sweeper: NodeJS.Timeout;

  constructor(private readonly options: SessionsOptions) {
    this.sweeper = setInterval(() => this.sweep(), Math.min(sweepMs, Math.max(20, options.idleMs / 4)));
    this.sweeper.unref();
  }

  get world(): EnvironmentWorld {
    return this.options.world;
  }

  get active(): number {
    return this.entries.size;
  }

  /** @throws CapacityReached when there is no room */
  checkRoom(): void {
    const { most } = this.options;
    if (this.entries.size < most) return;
    for (const entry of this.entries.values()) {
      if (entry.yields && entry.session.isOver && !entry.session.isBusy) {
        this.close(entry.id);
        return;
      }
    }
    throw new CapacityReached(this.entries.size, most);
  }

  /**
   * @param given.onExpire told when the session is closed because nobody used it
   * @throws CapacityReached
   */
  open(given: { id?: string; yields?: boolean; onExpire?: () => void } = {}): OpenedSession {
    this.checkRoom();
    const { id = randomUUID(), yields = false, onExpire = () => undefined } = given;
    const entry: Entry = { id, session: new EnvironmentSession(this.world), yields, onExpire };
    this.entries.set(id, entry);
    return entry;
  }

  get(id: string): EnvironmentSession | null {
    return this.entries.get(id)?.session ?? null;
  }

  /** False where there is none. */
  close(id: string): boolean {
    const entry = this.entries.get(id);
    this.entries.delete(id);
    entry?.session.close();
    return entry !== undefined;
  }

  closeAll(): void {
    clearInterval(this.sweeper);
    for (const id of [...this.entries.keys()]) this.close(id);
  }

  private sweep(): void {
    const oldest = performance.now() - this.options.idleMs;
    for (const { id, session, onExpire } of [...this.entries.values()]) {
      if (session.isBusy || session.lastUsed > oldest) continue;
      this.close(id);
      onExpire();
    }
  }
}
