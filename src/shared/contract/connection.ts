import type { Connector } from './connectors';
import type { MaskwrightError } from './errors';
import type { EventName, EventPayload, MethodInput, MethodName, MethodOutput } from './methods';
import { type ChannelClient, type Client, createClient, disconnected } from './rpc-client';

/** connecting: never connected yet. lost: was connected, comes back by itself unless `final`. */
export type ConnectionStatus = 'connecting' | 'connected' | 'lost';

/** A client that stays while the channels under it come and go. */
export interface Connection extends Client {
  readonly status: ConnectionStatus;
  /** True when the engine is gone and is not started again by itself. */
  readonly final: boolean;
  /** Called with each change; what was missed while lost has to be asked for again when it is `connected`. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void;
}

/** Calls made while there is no engine wait this long for one. */
const WAIT_FOR_ENGINE_MS = 15_000;
const MAX_WAITING = 200;

interface Waiting {
  go(client: ChannelClient): void;
  fail(error: MaskwrightError): void;
}

/**
 * The renderer's connection in both hosts:
 *
 *     const host = window.maskwright;
 *     const connection = createConnection(
 *       host === undefined
 *         ? webSocketConnector(() => new WebSocket(`${location.origin.replace(/^http/, 'ws')}/rpc`))
 *         : hostConnector(window, host),
 *     );
 *
 * Keeps a client over changing channels: engine restarts, WebSocket reconnects.
 * A call that was sent and lost its channel rejects with DISCONNECTED (nobody knows whether it ran); a call made while
 * there is no engine waits for the next one for a bounded time.
 */
export function createConnection(connector: Connector): Connection {
  let client: ChannelClient | null = null;
  let status: ConnectionStatus = 'connecting';
  let final = false;
  let closed = false;
  const waiting = new Set<Waiting>();
  const statusListeners = new Set<(status: ConnectionStatus) => void>();
  const disconnectListeners = new Set<() => void>();
  const relays = new Map<EventName, Set<(current: ChannelClient) => void>>();

  const setStatus = (next: ConnectionStatus, isFinal: boolean): void => {
    if (next === status && isFinal === final) return;
    const before = status;
    status = next;
    final = isFinal;
    for (const listener of [...statusListeners]) listener(next);
    if (before === 'connected') for (const listener of [...disconnectListeners]) listener();
  };
  const failWaiting = (): void => {
    for (const call of [...waiting]) call.fail(disconnected());
  };
  const drop = (): void => {
    const old = client;
    client = null;
    old?.close();
    if (status === 'connected') setStatus('lost', false);
  };

  const stop = connector({
    channel(channel) {
      if (closed) return;
      drop();
      const next = createClient(channel);
      client = next;
      for (const attachers of relays.values()) for (const attach of attachers) attach(next);
      next.onDisconnect(() => {
        if (client === next) drop();
      });
      next.ready.then(
        () => {
          if (client !== next) return;
          setStatus('connected', false);
          for (const call of [...waiting]) call.go(next);
        },
        () => undefined,
      );
    },
    lost(isFinal) {
      drop();
      if (isFinal) {
        setStatus('lost', true);
        failWaiting();
      }
    },
  });

  const whenConnected = (): Promise<ChannelClient> =>
    new Promise((resolve, reject) => {
      if (client !== null && status === 'connected') {
        resolve(client);
        return;
      }
      if (closed || final || waiting.size >= MAX_WAITING) {
        reject(disconnected());
        return;
      }
      const settle = (): void => {
        clearTimeout(timer);
        waiting.delete(entry);
      };
      const entry: Waiting = {
        go(current) {
          settle();
          resolve(current);
        },
        fail(error) {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => entry.fail(disconnected()), WAIT_FOR_ENGINE_MS);
      waiting.add(entry);
    });

  return {
    get status() {
      return status;
    },
    get final() {
      return final;
    },
    onStatus(listener) {
      statusListeners.add(listener);
      return () => statusListeners.delete(listener);
    },
    async call<M extends MethodName>(method: M, input: MethodInput<M>): Promise<MethodOutput<M>> {
      // Sent without a turn of the event loop in between when there is an engine: calls keep their order.
      if (client !== null && status === 'connected') return client.call(method, input);
      return (await whenConnected()).call(method, input);
    },
    on<E extends EventName>(event: E, listener: (payload: EventPayload<E>) => void): () => void {
      let remove: () => void = () => undefined;
      const attach = (current: ChannelClient): void => {
        remove = current.on(event, listener);
      };
      const attachers = relays.get(event) ?? new Set();
      relays.set(event, attachers);
      attachers.add(attach);
      if (client !== null) attach(client);
      return () => {
        attachers.delete(attach);
        remove();
      };
    },
    onDisconnect(listener) {
      disconnectListeners.add(listener);
      return () => disconnectListeners.delete(listener);
    },
    close() {
      closed = true;
      stop();
      drop();
      failWaiting();
    },
  };
}
