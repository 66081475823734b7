import { app, type IpcMainEvent, type IpcMainInvokeEvent, session, shell, type WebContents } from 'electron';
import { APP_ORIGIN } from './app-protocol';
import type { Log } from './log';

/** Nothing but our own page runs in a window, and it gets no permission. */

function isOwnPage(url: string): boolean {
  return url === APP_ORIGIN || url.startsWith(`${APP_ORIGIN}/`);
}

/** https links of ours are opened in the person's browser; everything else is not opened at all. */
export function isOpenableOutside(url: string): boolean {
  try {
    const { protocol, username, password } = new URL(url);
    return protocol === 'https:' && username === '' && password === '';
  } catch {
    return false;
  }
}

/** True for messages of the main frame of `contents`, showing our own page. */
export function isTrustedSender(
  event: IpcMainEvent | IpcMainInvokeEvent,
  contents: WebContents | undefined,
): boolean {
  const frame = event.senderFrame;
  return (
    contents !== undefined &&
    event.sender === contents &&
    frame === contents.mainFrame &&
    isOwnPage(frame.url)
  );
}

export function confine(log: Log): void {
  session.defaultSession.setPermissionRequestHandler((_contents, permission, decide) => {
    log(`refused the permission ${permission}`);
    decide(false);
  });
  session.defaultSession.setPermissionCheckHandler(() => false);
  app.on('web-contents-created', (_event, contents) => {
    const refuse = (event: { preventDefault(): void }, url: string): void => {
      if (isOwnPage(url)) return;
      event.preventDefault();
      log(`refused navigation to ${url}`);
    };
    contents.on('will-navigate', refuse);
    contents.on('will-redirect', refuse);
    contents.on('will-attach-webview', (event) => event.preventDefault());
    contents.setWindowOpenHandler(({ url }) => {
      if (isOpenableOutside(url)) {
        shell.openExternal(url).catch((error: unknown) => log(`could not open ${url}: ${String(error)}`));
      } else log(`refused a window for ${url}`);
      return { action: 'deny' };
    });
  });
}
