import type { Channel } from './channel';
import { decodeFrame, encodeFrame } from './wire';

/** Channels over what the platforms give. The interfaces below are the parts of the DOM's and Node's objects in use. */

export interface PortLike {
  postMessage(message: unknown): void;
  addEventListener(type: 'message' | 'close', listener: (event: object) => void): void;
  start(): void;
  close(): void;
}

export interface SocketLike {
  binaryType: string;
  readonly readyState: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  addEventListener(type: 'open' | 'message' | 'close' | 'error', listener: (event: object) => void): void;
  close(code?: number, reason?: string): void;
}

const SOCKET_CONNECTING = 0;
const SOCKET_OPEN = 1;
/** Close code "unsupported data". */
const UNSUPPORTED_DATA = 1003;

function dataOf(event: object): unknown {
  return 'data' in event ? event.data : undefined;
}

/** Listeners of a channel; messages that come before anybody listens are kept. */
export class ChannelEvents {
  readonly #message = new Set<(message: unknown) => void>();
  readonly #close = new Set<() => void>();
  #early: unknown[] = [];
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  onMessage(listener: (message: unknown) => void): () => void {
    this.#message.add(listener);
    const early = this.#early;
    this.#early = [];
    for (const message of early) listener(message);
    return () => this.#message.delete(listener);
  }

  onClose(listener: () => void): () => void {
    if (this.#closed) {
      listener();
      return () => undefined;
    }
    this.#close.add(listener);
    return () => this.#close.delete(listener);
  }

  message(message: unknown): void {
    if (this.#closed) return;
    if (this.#message.size === 0) this.#early.push(message);
    else for (const listener of [...this.#message]) listener(message);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const listener of [...this.#close]) listener();
    this.#close.clear();
    this.#message.clear();
    this.#early = [];
  }
}

/** A MessagePort of the DOM or of node:worker_threads. Old Chromium does not tell when the other side is gone. */
export function messagePortChannel(port: PortLike): Channel {
  const events = new ChannelEvents();
  port.addEventListener('message', (event) => events.message(dataOf(event)));
  port.addEventListener('close', () => events.close());
  port.start();
  return {
    send(message) {
      if (!events.closed) port.postMessage(message);
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close() {
      port.close();
      events.close();
    },
  };
}

/** A WebSocket, of a browser or of `ws`, with one MessagePack value a binary frame. */
export function webSocketChannel(socket: SocketLike): Channel {
  const events = new ChannelEvents();
  let unsent: unknown[] = [];
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('open', () => {
    for (const message of unsent) socket.send(encodeFrame(message));
    unsent = [];
  });
  socket.addEventListener('message', (event) => {
    const data = dataOf(event);
    let message: unknown;
    try {
      if (!(data instanceof ArrayBuffer)) throw new TypeError('text frame');
      message = decodeFrame(new Uint8Array(data));
    } catch {
      socket.close(UNSUPPORTED_DATA, 'not a MessagePack frame');
      return;
    }
    events.message(message);
  });
  socket.addEventListener('close', () => events.close());
  // An error is always followed by close; without a listener `ws` would throw.
  socket.addEventListener('error', () => undefined);
  return {
    send(message) {
      if (socket.readyState === SOCKET_OPEN) socket.send(encodeFrame(message));
      else if (socket.readyState === SOCKET_CONNECTING) unsent.push(message);
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close() {
      socket.close();
      events.close();
    },
  };
}
