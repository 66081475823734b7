import { resolve } from 'node:path';
import { cacheDirOf, userDataDir } from '@engine/folders';

/** The bundles of this build lie beside this one: out/main. */
export const outDir = __dirname;
export const rendererDir = resolve(__dirname, '..', 'renderer');
export const resourcesDir = resolve(__dirname, '..', '..', 'resources');

export const dataDir = userDataDir;
export const cacheDir = (data = dataDir()): string => cacheDirOf(data);
