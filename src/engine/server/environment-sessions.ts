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
  idle: IdleLimits;
}

/** How long a session may go without a request. Milliseconds. */
export interface IdleLimits {
  /** One that ends with its connection. */
  connectedMs: number;
  /** One of HTTP, which has no connection: nobody tells when its client has gone. */
  statelessMs: number;
  /** When the server is full, one of HTTP that was idle for longer makes room. */
  whenFullMs: number;
}

export interface OpenedSession {
  readonly id: string;
  readonly session: EnvironmentSession;
}

interface Entry extends OpenedSession {
  /** Null: the session is tied to no connection. */
  onExpire: (() => void) | null;
}

/** How often sessions are looked through for ones that have expired, at most. */
const sweepMs = 10_000;

/** The open sessions of a server: bounded in number, closed when nobody uses them. */
export class EnvironmentSessions {
  private readonly entries = new Map<string, Entry>();
  private readonly sweeper: NodeJS.Timeout;

  constructor(private readonly options: SessionsOptions) {
    const shortest = Math.min(options.idle.connectedMs, options.idle.statelessMs);
    this.sweeper = setInterval(() => this.sweep(), Math.min(sweepMs, Math.max(20, shortest / 4)));
    this.sweeper.unref();
  }

  get world(): EnvironmentWorld {
    return this.options.world;
  }

  get active(): number {
    return this.entries.size;
  }

  /**
   * Changes nothing.
   *
   * @throws CapacityReached when there is no room and none can be made
   */
  checkRoom(): void {
    const { most } = this.options;
    if (this.entries.size >= most && !this.yielding()) throw new CapacityReached(this.entries.size, most);
  }

  /**
   * @param given.onExpire told when the session is closed because nobody used it; without it the session is tied to
   *   no connection, is closed sooner and makes room for others
   * @throws CapacityReached
   */
  open(given: { id?: string; onExpire?: () => void } = {}): OpenedSession {
    this.checkRoom();
    if (this.entries.size >= this.options.most) this.close(this.yielding()?.id ?? '');
    const { id = randomUUID(), onExpire = null } = given;
    const entry: Entry = { id, session: new EnvironmentSession(this.world), onExpire };
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

  /**
   * The session that makes room: of those without a connection one whose episode is over, else the one that has been
   * idle the longest.
   */
  private yielding(): Entry | null {
    const latest = performance.now() - this.options.idle.whenFullMs;
    const willing = [...this.entries.values()].filter(
      ({ session, onExpire }) =>
        onExpire === null && !session.isBusy && (session.isOver || session.lastUsed <= latest),
    );
    const order = ({ session }: Entry): number => (session.isOver ? -Infinity : session.lastUsed);
    return willing.reduce<Entry | null>(
      (best, entry) => (best && order(best) <= order(entry) ? best : entry),
      null,
    );
  }

  private sweep(): void {
    const now = performance.now();
    const { connectedMs, statelessMs } = this.options.idle;
    for (const { id, session, onExpire } of [...this.entries.values()]) {
      if (session.isBusy || now - session.lastUsed < (onExpire ? connectedMs : statelessMs)) continue;
      this.close(id);
      onExpire?.();
    }
  }
}
