import { rename, rm, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { hostChannels } from '@shared/contract/host-api';
import { type BrowserWindow, dialog, type IpcMainInvokeEvent, ipcMain } from 'electron';
import { z } from 'zod';
import { isTrustedSender } from './security';

/** The host's few services for the page: dialogs and saving a file. */

const saveRequestSchema = z.strictObject({ name: z.string().min(1).max(200), text: z.string() });

async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.part`;
  try {
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new MaskwrightError('INTERNAL', `${file} could not be written: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

export function provideServices(windowOf: () => BrowserWindow | null): void {
  const handle = <T>(channel: string, run: (window: BrowserWindow, input: unknown) => Promise<T>): void => {
    ipcMain.handle(channel, (event: IpcMainInvokeEvent, input: unknown) => {
      const window = windowOf();
      if (window === null || !isTrustedSender(event, window.webContents)) throw new Error('Refused.');
      return run(window, input);
    });
  };
  handle(hostChannels.pickFolder, async (window) => {
    const { filePaths } = await dialog.showOpenDialog(window, {
      title: 'Choose a folder',
      properties: ['openDirectory', 'createDirectory'],
    });
    return filePaths[0] ?? null;
  });
  handle(hostChannels.pickDataset, async (window) => {
    const { filePaths } = await dialog.showOpenDialog(window, {
      title: 'Choose a data set',
      properties: ['openFile'],
      filters: [{ name: 'Data set', extensions: ['json', 'yaml', 'yml'] }],
    });
    return filePaths[0] ?? null;
  });
  handle(hostChannels.pickProject, async (window) => {
    const { filePaths } = await dialog.showOpenDialog(window, {
      title: 'Open a project',
      properties: ['openFile'],
      filters: [{ name: 'Maskwright project', extensions: ['maskwright'] }],
    });
    return filePaths[0] ?? null;
  });
  handle(hostChannels.saveFile, async (window, input) => {
    const { name, text } = saveRequestSchema.parse(input);
    const { filePath } = await dialog.showSaveDialog(window, { defaultPath: basename(name) });
    if (filePath === undefined || filePath === '') return false;
    await writeWhole(filePath, text);
    return true;
  });
}
