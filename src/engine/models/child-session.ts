import { MaskwrightError } from '@shared/contract/errors';
import { type FromChild, fromChildSchema, type ModelChild, type ToChild } from './child-protocol';

/** Milliseconds. */
export interface RuntimeTimeouts {
  start: number;
  load: number;
  firstToken: number;
  token: number;
  /** From an abort to the kill, where the child does not stop. */
  stop: number;
}

export const defaultTimeouts: RuntimeTimeouts = {
  start: 30_000,
  load: 600_000,
  firstToken: 600_000,
  token: 60_000,
  stop: 2_000,
};
/** The prompt does not fit the context. */
export class PromptTooLong extends MaskwrightError {
  constructor(detail: string) {
    super('POLICY_FAILED', `The prompt is too long: ${detail}.`, {
      hint: 'Use fewer turns, or a model with a longer context.',
    });
  }
}

/** The child is gone or stuck; a new one may do better. `died`: by itself, so it is no fault of this request. */
export class ChildFault extends Error {
  constructor(
    message: string,
    readonly died: boolean,
  ) {
    super(message);
  }
}

type Request = Extract<ToChild, { id: number }>;
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;
type Answer = Extract<FromChild, { type: 'loaded' | 'done' | 'devices' }>;

interface Pending {
  id: number;
  onToken: (text: string) => void;
  settle: (outcome: Answer | Error) => void;
}

/** One living child: matches answers to requests, and turns exits and silence into {@link ChildFault}. */
export class ChildSession {
  private pending: Pending | null = null;
  private nextId = 1;
  private gone: ChildFault | null = null;
  private readonly ready: Promise<void>;

  constructor(
    private readonly child: ModelChild,
    timeouts: RuntimeTimeouts,
  ) {
    this.ready = new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.kill('The model process does not start'), timeouts.start);
      child.onMessage((raw) => {
        const parsed = fromChildSchema.safeParse(raw);
        if (!parsed.success) return;
        if (parsed.data.type === 'ready') {
          clearTimeout(timer);
          resolve();
        } else this.receive(parsed.data);
      });
      child.onExit((reason) => {
        clearTimeout(timer);
        this.end(new ChildFault(`The model process ended (${reason})`, true));
        reject(this.gone);
      });
    });
    // A request may not be waiting yet when it fails.
    this.ready.catch(() => undefined);
  }

  get isGone(): boolean {
    return this.gone !== null;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  stop(): void {
    if (!this.gone) this.child.send({ type: 'stop' });
  }

  kill(reason: string): void {
    this.end(new ChildFault(reason, false));
    this.child.kill();
  }

  private end(fault: ChildFault): void {
    this.gone ??= fault;
    this.pending?.settle(this.gone);
    this.pending = null;
  }

  private receive(message: Exclude<FromChild, { type: 'ready' }>): void {
    const { pending } = this;
    if (!pending || message.id !== pending.id) return;
    if (message.type === 'token') {
      pending.onToken(message.text);
      return;
    }
    this.pending = null;
    pending.settle(message.type === 'failed' ? failureOf(message) : message);
  }

  /** Sends one request and waits; without a sign of life for the time given, the child is killed. */
  async request(
    message: Unnumbered<Request>,
    times: { first: number; next: number },
    onToken: (text: string) => void,
  ): Promise<Answer> {
    await this.ready;
    if (this.gone) throw this.gone;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      let timer = setTimeout(() => undefined, 0);
      const watch = (milliseconds: number): void => {
        clearTimeout(timer);
        const seconds = Math.round(milliseconds / 1000);
        timer = setTimeout(() => this.kill(`The model gave no sign of life for ${seconds} s`), milliseconds);
      };
      this.pending = {
        id,
        onToken: (text) => {
          watch(times.next);
          onToken(text);
        },
        settle: (outcome) => {
          clearTimeout(timer);
          if (outcome instanceof Error) reject(outcome);
          else resolve(outcome);
        },
      };
      watch(times.first);
      this.child.send({ ...message, id });
    });
  }
}

function failureOf(message: Extract<FromChild, { type: 'failed' }>): Error {
  switch (message.failure) {
    case 'bad-input':
      return new MaskwrightError('POLICY_FAILED', `The model cannot read the prompt: ${message.message}.`, {
        hint: 'An image of the prompt is probably broken. Try another image.',
      });
    case 'too-long':
      return new PromptTooLong(message.message);
    case 'load':
      return new MaskwrightError('MODEL_UNREADABLE', `The model does not load: ${message.message}.`, {
        hint: 'Check that model and mmproj belong together and that there is enough memory.',
      });
    case 'fault':
      return new ChildFault(message.message, false);
  }
}
