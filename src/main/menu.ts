import type { MenuCommand } from '@shared/contract/host-api';
import { app, Menu, type MenuItemConstructorOptions, shell } from 'electron';

/** Labels, keys and what the page is asked to do. Undo and redo have their keys in the page, which knows about focus. */
export function installMenu(send: (command: MenuCommand) => void, logFolder: string): void {
  const item = (id: MenuCommand, label: string, accelerator?: string): MenuItemConstructorOptions => ({
    id,
    label,
    accelerator,
    registerAccelerator: id !== 'undo' && id !== 'redo',
    click: () => send(id),
  });
  const isMac = process.platform === 'darwin';
  const template: MenuItemConstructorOptions[] = [
    ...(isMac ? [{ role: 'appMenu' } satisfies MenuItemConstructorOptions] : []),
    {
      label: '&File',
      submenu: [
        item('open-folder', 'Open &folder…', 'CmdOrCtrl+O'),
        item('open-project', 'Open &project…', 'CmdOrCtrl+Shift+O'),
        { type: 'separator' },
        item('export-coco', '&Export COCO…', 'CmdOrCtrl+E'),
        { type: 'separator' },
        isMac ? { role: 'close' } : { role: 'quit' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        item('undo', '&Undo', 'CmdOrCtrl+Z'),
        item('redo', '&Redo', 'CmdOrCtrl+Shift+Z'),
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
      ],
    },
    {
      label: '&View',
      submenu: [
        { role: 'togglefullscreen' },
        { type: 'separator' },
        { role: 'reload' },
        { role: 'toggleDevTools' },
      ],
    },
    {
      label: '&Help',
      role: 'help',
      submenu: [
        item('shortcuts', '&Keyboard shortcuts'),
        { id: 'log', label: 'Show &log folder', click: () => void shell.openPath(logFolder) },
        { type: 'separator' },
        { label: `Version ${app.getVersion()}`, enabled: false },
      ],
    },
  ];
  Menu.setApplicationMenu(Menu.buildFromTemplate(template));
}
