import type { ModelChild } from '@engine/models/child-protocol';
import type { Channel } from '@shared/contract/channel';
import { fromModelChildPortSchema, type ToModelChildPort } from './engine-protocol';

/** A model child as the engine sees it, before and after main has handed over its port. */
export class RemoteModelChild implements ModelChild {
  pid: number | undefined;
  #channel: Channel | null = null;
  #unsent: ToModelChildPort[] = [];
  #early: unknown[] = [];
  readonly #messageListeners: ((message: unknown) => void)[] = [];
  readonly #exitListeners: ((reason: string) => void)[] = [];
  #exitReason: string | null = null;

  attach(channel: Channel): void {
    this.#channel = channel;
    channel.onMessage((raw) => this.#receive(raw));
    channel.onClose(() => this.#exited('the host ended it'));
    for (const message of this.#unsent.splice(0)) channel.send(message);
  }

  send(message: Parameters<ModelChild['send']>[0]): void {
    this.#post({ type: 'message', message });
  }

  onMessage(listener: (message: unknown) => void): void {
    this.#messageListeners.push(listener);
    for (const message of this.#early.splice(0)) listener(message);
  }

  onExit(listener: (reason: string) => void): void {
    if (this.#exitReason !== null) listener(this.#exitReason);
    else this.#exitListeners.push(listener);
  }

  kill(): void {
    this.#post({ type: 'kill' });
  }

  #post(message: ToModelChildPort): void {
    if (this.#exitReason !== null) return;
    if (this.#channel === null) this.#unsent.push(message);
    else this.#channel.send(message);
  }

  #receive(raw: unknown): void {
    const parsed = fromModelChildPortSchema.safeParse(raw);
    if (!parsed.success) return;
    const message = parsed.data;
    if (message.type === 'started') this.pid = message.pid;
    else if (message.type === 'exit') this.#exited(message.reason);
    else if (this.#messageListeners.length === 0) this.#early.push(message.message);
    else for (const listener of this.#messageListeners) listener(message.message);
  }

  #exited(reason: string): void {
    if (this.#exitReason !== null) return;
    this.#exitReason = reason;
    for (const listener of this.#exitListeners) listener(reason);
  }
}
