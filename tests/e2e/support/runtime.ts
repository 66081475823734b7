import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** Where the app under test and the programs that show it are. */

/** Folder with package.json, out/ and resources/; another one for a packaged build. */
export const appDir = resolve(process.env.MASKWRIGHT_E2E_APP ?? join(__dirname, '..', '..', '..'));

const compat = resolve(__dirname, '..', '..', 'electron', 'compat.cjs');
/** The first Electron with everything that the app uses. */
const FIRST_COMPLETE = 25;

/** Chromium refuses to run as root with its sandbox. */
export const sandboxArguments: readonly string[] =
  process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : [];

const chromiumPlaces = [
  process.env.MASKWRIGHT_CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
];

/** The system's Chromium; undefined for Playwright's own. */
export const chromiumExecutable = chromiumPlaces.find((place) => place !== undefined && existsSync(place));

export interface ElectronRuntime {
  executablePath: string;
  /** Before the app's own arguments. */
  arguments: string[];
}

/** The current Electron, or the one that ELECTRON_OVERRIDE_DIST_PATH names; null where there is none. */
export function findElectron(): ElectronRuntime | null {
  const installed = join(__dirname, '..', '..', '..', 'node_modules', 'electron', 'dist');
  const dist = process.env.ELECTRON_OVERRIDE_DIST_PATH ?? installed;
  const names: Partial<Record<NodeJS.Platform, string>> = {
    win32: 'electron.exe',
    darwin: join('Electron.app', 'Contents', 'MacOS', 'Electron'),
  };
  const executablePath = join(dist, names[process.platform] ?? 'electron');
  if (!existsSync(executablePath)) return null;
  const versionFile = join(dist, 'version');
  const version = existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim().replace(/^v/, '') : '';
  const isOld = version !== '' && Number.parseInt(version, 10) < FIRST_COMPLETE;
  return { executablePath, arguments: [...sandboxArguments, ...(isOld ? ['-r', compat] : [])] };
}
