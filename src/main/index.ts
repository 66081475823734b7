import { join } from 'node:path';
import { cacheDirOf, userDataDir } from '@engine/folders';
import { createConnection } from '@shared/contract/connection';
import type { ConnectionEvents } from '@shared/contract/connectors';
import { hostChannels } from '@shared/contract/host-api';
import { app, BrowserWindow, dialog, ipcMain } from 'electron';
import { z } from 'zod';
import { APP_ORIGIN, handleAppProtocol, registerAppScheme } from './app-protocol';
import { parseLaunchArguments } from './arguments';
import { EngineSupervisor } from './engine-supervisor';
import { openLog } from './log';
import { installMenu } from './menu';
import { mainPortChannel } from './port-channel';
import { RestartPolicy } from './restart-policy';
import { confine, isTrustedSender } from './security';
import { provideServices } from './services';
import { readWindowState, writeWindowState } from './window-state';

/** Electron's main process: window, menu, dialogs, app:// and the lives of the engine and the page. No heavy work. */

const launch = parseLaunchArguments(process.argv, process.cwd());
const dataDir = launch.dataDir ?? userDataDir();
// Chromium's profile, apart from what is the user's.
app.setPath('userData', join(dataDir, 'window'));

const outDir = __dirname;
const logFolder = join(dataDir, 'logs');
const secondLaunchSchema = z.object({ project: z.string().optional() });

function main(): void {
  const log = openLog(logFolder);
  log(`Maskwright ${app.getVersion()}, Electron ${process.versions.electron}`);
  const windowStateFile = join(dataDir, 'window.json');
  const pagePolicy = new RestartPolicy();
  let window: BrowserWindow | null = null;
  /** The page asked for a port and gets a new one with each engine. */
  let isPageConnected = false;
  let own: ConnectionEvents | null = null;
  let isQuitting = false;

  const supervisor = new EngineSupervisor({
    outDir,
    resourcesDir: join(outDir, '..', '..', 'resources'),
    folders: { dataDir, cacheDir: cacheDirOf(dataDir) },
    project: launch.project,
    log,
    checkOutputs: !app.isPackaged,
    onStarted() {
      connectMain();
      if (isPageConnected) connectPage();
    },
    onLost(final) {
      own?.lost(final);
      if (isPageConnected) window?.webContents.send(hostChannels.lost, final);
      if (final) offerRetry();
    },
  });

  /** Main's own calls: images for app://, the project of a second launch. */
  const connection = createConnection((events) => {
    own = events;
    return () => undefined;
  });
  function connectMain(): void {
    const port = supervisor.connect();
    if (port !== null) own?.channel(mainPortChannel(port));
  }
  function connectPage(): void {
    const port = supervisor.connect();
    if (port !== null) window?.webContents.postMessage(hostChannels.port, null, [port]);
  }

  function offerRetry(): void {
    const options = {
      type: 'error' as const,
      title: 'Maskwright',
      message: 'The engine stopped several times and was not started again.',
      detail: `Everything you accepted is on disk. The log is in ${logFolder}.`,
      buttons: ['Try again', 'Quit'],
      defaultId: 0,
      cancelId: 1,
    };
    const answer = window === null ? dialog.showMessageBox(options) : dialog.showMessageBox(window, options);
    answer.then(
      ({ response }) => (response === 0 ? supervisor.retry() : app.quit()),
      (error: unknown) => log(`the dialog failed: ${String(error)}`),
    );
  }

  function openWindow(): void {
    const { maximized, ...bounds } = readWindowState(windowStateFile);
    const made = new BrowserWindow({
      ...bounds,
      minWidth: 960,
      minHeight: 600,
      show: false,
      title: 'Maskwright',
      backgroundColor: '#1b1b1d',
      webPreferences: {
        preload: join(outDir, '..', 'preload', 'index.js'),
        contextIsolation: true,
        sandbox: true,
        nodeIntegration: false,
        webSecurity: true,
        webviewTag: false,
        spellcheck: false,
      },
    });
    window = made;
    if (maximized === true) made.maximize();
    made.once('ready-to-show', () => made.show());
    made.on('close', () => writeWindowState(windowStateFile, made));
    made.once('closed', () => {
      window = null;
      isPageConnected = false;
    });
    made.webContents.on('render-process-gone', (_event, { reason }) => {
      if (reason === 'clean-exit' || made.isDestroyed()) return;
      const delay = pagePolicy.crashed(Date.now());
      log(`the page's process ended (${reason}); ${delay === null ? 'left alone' : 'loading it again'}`);
      isPageConnected = false;
      if (delay !== null) setTimeout(() => !made.isDestroyed() && made.webContents.reload(), delay);
    });
    load(made);
  }

  function load(target: BrowserWindow): void {
    target
      .loadURL(`${APP_ORIGIN}/`)
      .catch((error: unknown) => log(`the page did not load: ${String(error)}`));
  }

  ipcMain.on(hostChannels.connect, (event) => {
    if (!isTrustedSender(event, window?.webContents)) return;
    isPageConnected = true;
    connectPage();
  });
  provideServices(() => window);

  app.on('second-instance', (_event, _argv, _cwd, data) => {
    if (window === null) openWindow();
    else {
      if (window.isMinimized()) window.restore();
      window.focus();
    }
    const asked = secondLaunchSchema.safeParse(data);
    if (asked.success && asked.data.project !== undefined) {
      connection
        .call('project.open', { location: asked.data.project })
        .catch((error: unknown) => log(`the project was not opened: ${String(error)}`));
    }
  });
  app.on('activate', () => {
    if (window === null) openWindow();
  });
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit();
  });
  app.on('will-quit', (event) => {
    if (isQuitting) return;
    isQuitting = true;
    event.preventDefault();
    connection.close();
    // Not within this event: Electron would not hear it.
    supervisor.stop().finally(() => setTimeout(() => app.quit(), 0));
  });

  app
    .whenReady()
    .then(() => {
      confine(log);
      handleAppProtocol(
        join(outDir, '..', 'renderer'),
        (method, input) => connection.call(method, input),
        log,
      );
      installMenu((command) => window?.webContents.send(hostChannels.menu, command), logFolder);
      supervisor.start();
      openWindow();
    })
    .catch((error: unknown) => {
      log(`start failed: ${error instanceof Error ? error.stack : String(error)}`);
      app.exit(1);
    });
}

registerAppScheme();
if (app.requestSingleInstanceLock({ project: launch.project })) main();
else app.quit();
