import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Where every host keeps the user's settings and caches, so that the app, the web host and the CLI share them. */
export interface UserFolders {
  dataDir: string;
  cacheDir: string;
}

/**
 * Folders of this user: below `given` or $MASKWRIGHT_DATA_DIR when there is one (tests, portable use), else where the
 * platform wants them.
 */
export function userFolders(given?: string): UserFolders {
  const chosen = given ?? process.env.MASKWRIGHT_DATA_DIR;
  if (chosen !== undefined && chosen !== '') {
    const dataDir = resolve(chosen);
    return { dataDir, cacheDir: join(dataDir, 'cache') };
  }
  const home = homedir();
  switch (process.platform) {
    case 'darwin':
      return {
        dataDir: join(home, 'Library', 'Application Support', 'Maskwright'),
        cacheDir: join(home, 'Library', 'Caches', 'Maskwright'),
      };
    case 'win32':
      return {
        dataDir: join(process.env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Maskwright'),
        cacheDir: join(process.env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'), 'Maskwright', 'Cache'),
      };
    default:
      return {
        dataDir: join(process.env.XDG_DATA_HOME || join(home, '.local', 'share'), 'maskwright'),
        cacheDir: join(process.env.XDG_CACHE_HOME || join(home, '.cache'), 'maskwright'),
      };
  }
}
