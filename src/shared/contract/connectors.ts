import type { Channel } from './channel';
import { messagePortChannel, type PortLike, type SocketLike, webSocketChannel } from './channels';
import { ENGINE_NOTICE, type HostApi } from './host-api';

/** Told by a connector: the channels to the engine as they come and go. */
export interface ConnectionEvents {
  /** A new channel; the one before is dead. */
  channel(channel: Channel): void;
  /** The engine is gone. `final`: nothing brings it back by itself. */
  lost(final: boolean): void;
}

/** Makes channels to the engine, again and again, until the returned function is called. */
export type Connector = (events: ConnectionEvents) => () => void;

/** The part of `window` in use. */
export interface WindowLike {
  addEventListener(type: 'message', listener: (event: WindowMessage) => void): void;
  addEventListener(type: 'pagehide', listener: () => void): void;
  removeEventListener(type: 'message', listener: (event: WindowMessage) => void): void;
  removeEventListener(type: 'pagehide', listener: () => void): void;
}
export interface WindowMessage {
  readonly source: unknown;
  readonly data: unknown;
  readonly ports: readonly PortLike[];
}

function noticeOf(data: unknown): { kind: unknown; final: boolean } | null {
  if (typeof data !== 'object' || data === null) return null;
  if (!('source' in data) || data.source !== ENGINE_NOTICE || !('kind' in data)) return null;
  return { kind: data.kind, final: 'final' in data && data.final === true };
}

/** In Electron: ports that the preload posts to its own window. */
export function hostConnector(window: WindowLike, api: Pick<HostApi, 'connect'>): Connector {
  return (events) => {
    let current: Channel | null = null;
    // Chromium 108 crashes when a page is unloaded while a port with a listener for `close` is open.
    const hide = (): void => current?.close();
    const listener = (event: WindowMessage): void => {
      if (event.source !== window) return;
      const notice = noticeOf(event.data);
      const port = event.ports[0];
      if (notice?.kind === 'port' && port !== undefined) {
        current = messagePortChannel(port);
        events.channel(current);
      } else if (notice?.kind === 'lost') events.lost(notice.final);
    };
    window.addEventListener('message', listener);
    window.addEventListener('pagehide', hide);
    api.connect();
    return () => {
      window.removeEventListener('message', listener);
      window.removeEventListener('pagehide', hide);
      hide();
    };
  };
}

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 5_000;

/** In a browser: a WebSocket, opened again with a growing delay whenever it closes. */
export function webSocketConnector(open: () => SocketLike): Connector {
  return (events) => {
    let stopped = false;
    let delay = FIRST_DELAY_MS;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let current: Channel | null = null;
    const attempt = (): void => {
      const socket = open();
      socket.addEventListener('open', () => {
        delay = FIRST_DELAY_MS;
      });
      const channel = webSocketChannel(socket);
      current = channel;
      channel.onClose(() => {
        if (stopped) return;
        events.lost(false);
        timer = setTimeout(attempt, delay);
        delay = Math.min(delay * 2, LONGEST_DELAY_MS);
      });
      events.channel(channel);
    };
    attempt();
    return () => {
      stopped = true;
      clearTimeout(timer);
      current?.close();
    };
  };
}
