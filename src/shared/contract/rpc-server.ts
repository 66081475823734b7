import type { Channel } from './channel';
import { MaskwrightError, messageOf } from './errors';
import type { EventName, EventPayload, Handlers, MethodName, MethodOutput } from './methods';
import {
  type ClientMessage,
  clientMessageSchema,
  describeProblem,
  eventSchemas,
  isMethodName,
  isWithinSize,
  methodSchemas,
  PROTOCOL_VERSION,
  type ServerMessage,
} from './wire';

/** The part of an engine that a transport needs. */
export interface RpcEngine {
  readonly handlers: Partial<Handlers>;
  /** Returns a function that removes the listener. */
  subscribe(listener: <E extends EventName>(event: E, payload: EventPayload<E>) => void): () => void;
}

export interface ServeOptions {
  log: (line: string) => void;
  /** Checks answers and events against the contract before they are sent: for development and tests. */
  checkOutputs?: boolean;
}

/** Short enough to be read out, long enough to be found in a log. */
function incidentId(): string {
  return Math.random().toString(36).slice(2, 10).padEnd(8, '0');
}

/** Anything thrown, as it may cross the border. What was not foreseen is logged with its stack and gets an id. */
export function toWireError(error: unknown, context: string, log: (line: string) => void) {
  if (error instanceof MaskwrightError) return error.toWire();
  const incident = incidentId();
  log(
    `INTERNAL ${incident} in ${context}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
  );
  return new MaskwrightError('INTERNAL', `Something went wrong inside Maskwright (${incident}).`, {
    hint: `The log has the details under ${incident}.`,
  }).toWire();
}

/** Calls a handler with input that its schema accepted. Rejects with a MaskwrightError for what is not implemented. */
export async function callHandler<M extends MethodName>(
  engine: RpcEngine,
  method: M,
  input: unknown,
): Promise<MethodOutput<M>> {
  const checked = methodSchemas[method].input.safeParse(input);
  if (!checked.success)
    throw new MaskwrightError('INVALID_REQUEST', `${method}: ${describeProblem(checked.error)}`);
  const handlers: { readonly [N in MethodName]?: Handlers[N] } = engine.handlers;
  const handler = handlers[method];
  if (handler === undefined)
    throw new MaskwrightError('INVALID_REQUEST', `This engine does not implement ${method}.`);
  return handler(checked.data);
}

function checkOutput<M extends MethodName>(method: M, output: unknown): void {
  const good = methodSchemas[method].output.safeParse(output);
  if (!good.success)
    throw new TypeError(`answer to ${method} breaks the contract: ${describeProblem(good.error)}`);
}

/**
 * Answers the calls that come over a channel and tells it the engine's events, until it closes or the returned
 * function is called. Nothing that arrives can make it throw.
 */
export function serveChannel(channel: Channel, engine: RpcEngine, options: ServeOptions): () => void {
  const { log, checkOutputs = false } = options;
  let open = true;

  const send = (message: ServerMessage): void => {
    if (open) channel.send(message);
  };

  const run = async ({ id, method, input }: ClientMessage): Promise<void> => {
    try {
      if (!isMethodName(method))
        throw new MaskwrightError('INVALID_REQUEST', `There is no method "${method}".`);
      const output = await callHandler(engine, method, input);
      if (checkOutputs) checkOutput(method, output);
      send({ kind: 'result', id, output });
    } catch (error) {
      send({ kind: 'failure', id, error: toWireError(error, method, log) });
    }
  };

  const receive = (raw: unknown): void => {
    if (!isWithinSize(raw)) {
      log('refused a message beyond the size limit');
      channel.close();
      return;
    }
    const message = clientMessageSchema.safeParse(raw);
    if (!message.success) {
      log(`refused a malformed message: ${describeProblem(message.error)}`);
      return;
    }
    run(message.data).catch((error) => log(`an answer could not be sent: ${messageOf(error)}`));
  };

  const stopEvents = engine.subscribe((event, payload) => {
    try {
      if (checkOutputs) {
        const good = eventSchemas[event].safeParse(payload);
        if (!good.success) log(`event ${event} breaks the contract: ${describeProblem(good.error)}`);
      }
      send({ kind: 'event', event, payload });
    } catch (error) {
      log(`event ${event} could not be sent: ${messageOf(error)}`);
    }
  });
  const stopMessages = channel.onMessage((raw) => {
    try {
      receive(raw);
    } catch (error) {
      log(`refused an unreadable message: ${messageOf(error)}`);
    }
  });
  const stop = (): void => {
    open = false;
    stopEvents();
    stopMessages();
  };
  channel.onClose(stop);
  send({ kind: 'hello', protocol: PROTOCOL_VERSION });
  return stop;
}
