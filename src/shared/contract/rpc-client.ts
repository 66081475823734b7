import type { Channel } from './channel';
import { MaskwrightError, messageOf } from './errors';
import type { EventName, EventPayload, MethodInput, MethodName, MethodOutput } from './methods';
import {
  describeProblem,
  eventSchemas,
  isEventName,
  methodSchemas,
  PROTOCOL_VERSION,
  serverMessageSchema,
} from './wire';

/** The caller's side of the contract. Every rejection is a MaskwrightError. */
export interface Client {
  call<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M>>;
  /** Returns a function that removes the listener. */
  on<E extends EventName>(event: E, listener: (payload: EventPayload<E>) => void): () => void;
  /** Called once the other side is gone (at once when it already is). Returns a function that removes the listener. */
  onDisconnect(listener: () => void): () => void;
  close(): void;
}

/** A client of one channel, which also says when the other side greeted. */
export interface ChannelClient extends Client {
  /** Resolves when the engine said hello; rejects when the channel closes before, or speaks another protocol. */
  readonly ready: Promise<void>;
}

export function disconnected(): MaskwrightError {
  return new MaskwrightError('DISCONNECTED', 'The connection to the engine was lost.', {
    hint: 'It is restored by itself; then try again.',
    retryable: true,
  });
}

type Listeners = { readonly [E in EventName]: Set<(payload: EventPayload<E>) => void> };

/** Listeners of the contract's events, each called with a payload that its schema accepted. */
export class EventListeners {
  readonly #listeners: Listeners = {
    'project.changed': new Set(),
    'images.changed': new Set(),
    'annotations.changed': new Set(),
    'history.changed': new Set(),
    'episode.changed': new Set(),
    'episode.text': new Set(),
    'job.changed': new Set(),
    'segment.embedding': new Set(),
    'app.changed': new Set(),
  };

  on<E extends EventName>(event: E, listener: (payload: EventPayload<E>) => void): () => void {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Validates a raw payload and hands it to the listeners; problems go to the console, never to the transport. */
  dispatch<E extends EventName>(event: E, raw: unknown): void {
    const listeners = this.#listeners[event];
    if (listeners.size === 0) return;
    const payload = eventSchemas[event].safeParse(raw);
    if (!payload.success) {
      console.error(`Event ${event} was not understood: ${describeProblem(payload.error)}`);
      return;
    }
    for (const listener of [...listeners]) {
      try {
        listener(payload.data);
      } catch (error) {
        console.error(`A listener of ${event} failed: ${messageOf(error)}`);
      }
    }
  }
}

interface PendingCall {
  /** Validates and settles. */
  result(output: unknown): void;
  fail(error: MaskwrightError): void;
}

export function createClient(channel: Channel): ChannelClient {
  const pending = new Map<number, PendingCall>();
  const listeners = new EventListeners();
  let nextId = 0;
  let closed = false;
  let greet: () => void = () => undefined;
  let refuse: (error: MaskwrightError) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    greet = resolve;
    refuse = reject;
  });
  // Nobody has to wait for `ready`.
  ready.catch(() => undefined);

  channel.onMessage((raw) => {
    const parsed = serverMessageSchema.safeParse(raw);
    if (!parsed.success) {
      console.error(`A message of the engine was not understood: ${describeProblem(parsed.error)}`);
      return;
    }
    const message = parsed.data;
    switch (message.kind) {
      case 'hello':
        if (message.protocol === PROTOCOL_VERSION) greet();
        else {
          refuse(
            new MaskwrightError('DISCONNECTED', 'The engine speaks another version of the protocol.', {
              hint: 'Reload the page.',
            }),
          );
          channel.close();
        }
        break;
      case 'event':
        // An event of a newer engine that this side does not know is no problem.
        if (isEventName(message.event)) listeners.dispatch(message.event, message.payload);
        break;
      case 'result':
        pending.get(message.id)?.result(message.output);
        pending.delete(message.id);
        break;
      case 'failure':
        pending.get(message.id)?.fail(MaskwrightError.fromWire(message.error));
        pending.delete(message.id);
        break;
    }
  });
  channel.onClose(() => {
    closed = true;
    refuse(disconnected());
    const calls = [...pending.values()];
    pending.clear();
    for (const call of calls) call.fail(disconnected());
  });

  return {
    ready,
    call<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M>> {
      return new Promise((resolve, reject) => {
        if (closed) {
          reject(disconnected());
          return;
        }
        // Parsing also makes a plain copy: a framework's proxies cannot be posted through a port.
        const checked = methodSchemas[method].input.safeParse(input);
        if (!checked.success) {
          reject(new MaskwrightError('INVALID_REQUEST', `${method}: ${describeProblem(checked.error)}`));
          return;
        }
        const id = nextId++;
        pending.set(id, {
          result(output) {
            const answer = methodSchemas[method].output.safeParse(output);
            if (answer.success) resolve(answer.data);
            else {
              const problem = describeProblem(answer.error);
              reject(
                new MaskwrightError('INTERNAL', `The answer to ${method} was not understood: ${problem}`),
              );
            }
          },
          fail: reject,
        });
        try {
          channel.send({ kind: 'call', id, method, input: checked.data });
        } catch (error) {
          pending.delete(id);
          reject(
            new MaskwrightError('INVALID_REQUEST', `${method} could not be sent: ${messageOf(error)}`, {
              cause: error,
            }),
          );
        }
      });
    },
    on: (event, listener) => listeners.on(event, listener),
    onDisconnect: (listener) => channel.onClose(listener),
    close: () => channel.close(),
  };
}
