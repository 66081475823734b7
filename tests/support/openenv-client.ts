import { once } from 'node:events';
import { WebSocket } from 'ws';

export interface Frame {
  type: string;
  // What a test looks at is checked by its expectations.
  data: Record<string, never> & { [key: string]: unknown };
}

export interface OpenEnvClient {
  socket: WebSocket;
  /** Sends a frame, or a text as it is, and waits for the answer to it. */
  ask(frame: unknown): Promise<Frame>;
  /** The next frame that nobody waits for yet. */
  next(): Promise<Frame>;
  reset(data?: Record<string, unknown>): Promise<Frame>;
  step(data: Record<string, unknown>): Promise<Frame>;
  /** Code of the close, whoever began it. */
  closed: Promise<number>;
  close(): Promise<void>;
}

/** A client of the environment server that holds to the protocol: one request, one answer. */
export async function openEnvClient(url: string, path = '/ws'): Promise<OpenEnvClient> {
  const socket = new WebSocket(`${url.replace(/^http/, 'ws')}${path}`);
  const arrived: Frame[] = [];
  const waiting: { resolve(frame: Frame): void; reject(error: Error): void }[] = [];
  socket.on('message', (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    const taker = waiting.shift();
    if (taker) taker.resolve(frame);
    else arrived.push(frame);
  });
  const closed = new Promise<number>((resolve) => {
    socket.on('close', (code) => {
      resolve(code);
      for (const { reject } of waiting.splice(0)) reject(new Error(`closed with ${code}`));
    });
  });
  await once(socket, 'open');
  const next = (): Promise<Frame> => {
    const frame = arrived.shift();
    if (frame) return Promise.resolve(frame);
    if (socket.readyState === socket.CLOSED) return Promise.reject(new Error('closed before'));
    return new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
    });
  };
  const ask = (frame: unknown): Promise<Frame> => {
    socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
    return next();
  };
  return {
    socket,
    ask,
    next,
    closed,
    reset: (data = {}) => ask({ type: 'reset', data }),
    step: (data) => ask({ type: 'step', data }),
    async close() {
      socket.close();
      await closed;
    },
  };
}
