import { Worker } from 'node:worker_threads';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import {
  closeThread,
  isThreadReply,
  type ThreadAnswers,
  type ThreadCommand,
  type ThreadRequest,
} from './protocol';

/** The thread ended while it owed answers. */
export class ThreadDied extends Error {
  override readonly name = 'ThreadDied';
}

interface Pending {
  resolve(value: ThreadAnswers[keyof ThreadAnswers]): void;
  reject(error: Error): void;
}

/**
 * One worker thread and the requests that it owes answers to. A client whose thread has died stays dead: make
 * a new one.
 */
export class ThreadClient {
  private readonly worker: Worker;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;
  private death: ThreadDied | null = null;
  private hasExited = false;

  /** @param file the thread's bundle, see thread-file.ts */
  constructor(file: string) {
    this.worker = new Worker(file);
    // An idle thread must not keep the CLI from ending.
    this.worker.unref();
    this.worker.on('message', (message: unknown) => this.receive(message));
    this.worker.on('messageerror', (error) => {
      this.die(`an answer could not be read: ${messageOf(error)}`);
      void this.worker.terminate();
    });
    this.worker.on('error', (error) => this.die(messageOf(error)));
    this.worker.on('exit', (code) => {
      this.hasExited = true;
      this.die(`it ended with code ${code}`);
    });
  }

  get dead(): boolean {
    return this.death !== null;
  }

  /**
   * Sends a command and waits for its answer. `transfer` buffers are moved, not copied.
   *
   * @throws MaskwrightError with the thread's code, or {@link ThreadDied}
   */
  async request<Type extends ThreadCommand['type']>(
    command: Extract<ThreadCommand, { type: Type }>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ThreadAnswers[Type]> {
    if (this.death !== null) throw this.death;
    const id = this.nextId++;
    const value = await new Promise<ThreadAnswers[keyof ThreadAnswers]>((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.ref();
      const request: ThreadRequest = { id, command };
      try {
        this.worker.postMessage(request, [...transfer]);
      } catch (error) {
        this.forget(id);
        reject(error);
      }
    });
    if (!isAnswer(command.type, value)) {
      throw new MaskwrightError('INTERNAL', `The segmenter thread gave no answer to ${command.type}.`);
    }
    return value;
  }

  /**
   * Ends the thread; what it owes is rejected with {@link ThreadDied} at once. Resolves when the thread has ended: a
   * run of a model cannot be interrupted, and terminating a thread inside one ends the whole process.
   */
  async close(): Promise<void> {
    this.die('it was closed');
    if (this.hasExited) return;
    const exited = new Promise<void>((resolve) => this.worker.once('exit', () => resolve()));
    this.worker.ref();
    this.worker.postMessage(closeThread);
    await exited;
  }

  private receive(message: unknown): void {
    if (!isThreadReply(message)) {
      this.die('it sent a message that is no answer');
      void this.worker.terminate();
      return;
    }
    const pending = this.pending.get(message.id);
    if (pending === undefined) return;
    this.forget(message.id);
    if (message.ok) pending.resolve(message.value);
    else {
      const { code, message: text, hint } = message.error;
      pending.reject(new MaskwrightError(code, text, { hint }));
    }
  }

  private forget(id: number): void {
    this.pending.delete(id);
    if (this.pending.size === 0) this.worker.unref();
  }

  private die(why: string): void {
    if (this.death !== null) return;
    this.death = new ThreadDied(`The segmenter thread is gone: ${why}.`);
    for (const pending of this.pending.values()) pending.reject(this.death);
    this.pending.clear();
  }
}

function isAnswer<Type extends ThreadCommand['type']>(
  type: Type,
  value: ThreadAnswers[keyof ThreadAnswers],
): value is ThreadAnswers[Type] {
  switch (type) {
    case 'load':
      return 'provider' in value;
    case 'encode':
      return Array.isArray(value);
    default:
      return 'masks' in value;
  }
}
