import type { Channel } from '@shared/contract/channel';
import { ChannelEvents } from '@shared/contract/channels';

/** The part of Electron's MessagePortMain in use (Node's EventEmitter style, other than the DOM's MessagePort). */
export interface MainPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
  start(): void;
  close(): void;
}

export function mainPortChannel(port: MainPort): Channel {
  const events = new ChannelEvents();
  // From a turn of Node's own loop: inside Electron's event (seen in 22, in a utilityProcess) a rejected promise that is
  // returned from an async function counts as unhandled before its handler is attached, and ends the process.
  port.on('message', (event) => setImmediate(() => events.message(event.data)));
  port.on('close', () => setImmediate(() => events.close()));
  port.start();
  return {
    send(message) {
      if (!events.closed) port.postMessage(message);
    },
    onMessage: (listener) => events.onMessage(listener),
    onClose: (listener) => events.onClose(listener),
    close() {
      if (events.closed) return;
      port.close();
      events.close();
    },
  };
}
