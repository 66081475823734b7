import {
  ENGINE_NOTICE,
  type EngineNotice,
  type HostApi,
  hostChannels,
  type MenuCommand,
} from '@shared/contract/host-api';
import { contextBridge, type IpcRendererEvent, ipcRenderer } from 'electron';

/** Hands the page a port to the engine and the host's few services, and nothing else. */

function notify(notice: EngineNotice, ports: MessagePort[] = []): void {
  window.postMessage(notice, window.location.origin, ports);
}

ipcRenderer.on(hostChannels.port, (event) => notify({ source: ENGINE_NOTICE, kind: 'port' }, event.ports));
ipcRenderer.on(hostChannels.lost, (_event, final: unknown) =>
  notify({ source: ENGINE_NOTICE, kind: 'lost', final: final === true }),
);

const api: HostApi = {
  platform: process.platform,
  connect: () => ipcRenderer.send(hostChannels.connect),
  pickFolder: () => ipcRenderer.invoke(hostChannels.pickFolder),
  pickDataset: () => ipcRenderer.invoke(hostChannels.pickDataset),
  pickProject: () => ipcRenderer.invoke(hostChannels.pickProject),
  saveFile: (name, text) => ipcRenderer.invoke(hostChannels.saveFile, { name, text }),
  onMenu(listener) {
    const relay = (_event: IpcRendererEvent, command: MenuCommand): void => listener(command);
    ipcRenderer.on(hostChannels.menu, relay);
    return () => {
      ipcRenderer.removeListener(hostChannels.menu, relay);
    };
  },
};

contextBridge.exposeInMainWorld('maskwright', api);
