import { type Connection, createConnection } from '@shared/contract/connection';
import { hostConnector, webSocketConnector } from '@shared/contract/connectors';
import type { MenuCommand } from '@shared/contract/host-api';

/** What the renderer gets from whoever shows it: Electron, or a browser with the web host behind it. */
export interface Host {
  connection: Connection;
  /** Native dialogs; null in a browser, where a path is typed. */
  pickers: Record<'folder' | 'dataset' | 'project', () => Promise<string | null>> | null;
  /** False when the person cancelled. */
  saveFile(name: string, text: string): Promise<boolean>;
  onMenu(listener: (command: MenuCommand) => void): () => void;
}

export function connectHost(): Host {
  const api = window.maskwright;
  if (api) {
    return {
      connection: createConnection(hostConnector(window, api)),
      pickers: {
        folder: () => api.pickFolder(),
        dataset: () => api.pickDataset(),
        project: () => api.pickProject(),
      },
      saveFile: (name, text) => api.saveFile(name, text),
      onMenu: (listener) => api.onMenu(listener),
    };
  }
  const address = new URL('rpc', document.baseURI);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    connection: createConnection(webSocketConnector(() => new WebSocket(address))),
    pickers: null,
    saveFile: download,
    onMenu: () => () => undefined,
  };
}

/** Hands a text to the browser as a downloaded file. */
export async function download(name: string, text: string): Promise<boolean> {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return true;
}
