import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where every host keeps what is the user's, so that the app, the web host and the command line share it. */

/** Settings, recent projects and samples; MASKWRIGHT_DATA moves it. */
export function userDataDir(): string {
  if (process.env.MASKWRIGHT_DATA) return resolve(process.env.MASKWRIGHT_DATA);
  switch (process.platform) {
    case 'win32':
      return join(process.env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Maskwright');
    case 'darwin':
      return join(homedir(), 'Library', 'Application Support', 'Maskwright');
    default:
      return join(process.env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'maskwright');
  }
}

/** Embeddings and thumbnails; may be deleted at any time. */
export function cacheDirOf(dataDir: string): string {
  return join(dataDir, 'cache');
}
