/**
 * What the Electron preload puts on `window.maskwright`. It is absent in a browser, where the web host serves the page.
 * Types and constants only: the preload bundles this file, so it must not import any schema.
 *
 * A MessagePort cannot cross the context bridge, so the engine's port comes as a window message. Nobody needs to know
 * that: `hostConnector(window, window.maskwright)` in `connectors.ts` turns it into channels.
 */

/** What a menu item asks the renderer to do. */
export const menuCommands = [
  'open-folder',
  'open-project',
  'undo',
  'redo',
  'export-coco',
  'shortcuts',
] as const;
export type MenuCommand = (typeof menuCommands)[number];

export interface HostApi {
  /** As Node's `process.platform`. */
  readonly platform: string;
  /**
   * Asks for a port to the engine. It arrives as a window message (`EngineNotice` of kind `port`), again after every
   * restart of the engine.
   */
  connect(): void;
  /** Folder that the person chose, null when the dialog was cancelled. */
  pickFolder(): Promise<string | null>;
  /** File of a data set (JSON or YAML) that the person chose, null when the dialog was cancelled. */
  pickDataset(): Promise<string | null>;
  /** Project file that the person chose, null when the dialog was cancelled. */
  pickProject(): Promise<string | null>;
  /** Asks where to save; false when the dialog was cancelled. Rejects when the file cannot be written. */
  saveFile(name: string, text: string): Promise<boolean>;
  /** Returns a function that removes the listener. */
  onMenu(listener: (command: MenuCommand) => void): () => void;
}

/** `source` of the window messages that the preload posts to its own page. */
export const ENGINE_NOTICE = 'maskwright:engine';

/** Posted by the preload to its own page; `port` comes with one MessagePort. */
export type EngineNotice =
  | { source: typeof ENGINE_NOTICE; kind: 'port' }
  /** The engine ended. `final`: it is not started again by itself. */
  | { source: typeof ENGINE_NOTICE; kind: 'lost'; final: boolean };

declare global {
  interface Window {
    readonly maskwright?: HostApi;
  }
}

/** Electron's IPC channels between the preload and main. */
export const hostChannels = {
  connect: 'engine:connect',
  port: 'engine:port',
  lost: 'engine:lost',
  pickFolder: 'host:pick-folder',
  pickDataset: 'host:pick-dataset',
  pickProject: 'host:pick-project',
  saveFile: 'host:save-file',
  menu: 'host:menu',
} as const;
