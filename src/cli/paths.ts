import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The bundles of this build lie beside this one: out/main. */
export const outDir = __dirname;
export const rendererDir = resolve(__dirname, '..', 'renderer');
export const resourcesDir = resolve(__dirname, '..', '..', 'resources');

/** Settings, recent projects and samples; MASKWRIGHT_DATA moves it. */
export function dataDir(): string {
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
export function cacheDir(data = dataDir()): string {
  return join(data, 'cache');
}
