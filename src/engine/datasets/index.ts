export { readCoco, readCocoFile } from './coco';
export { readFolder } from './folder';
export { type CocoReport, importCoco } from './import-coco';
export { type FolderReport, importFolder } from './import-folder';
export { parseQueries, readQueries } from './queries';
export { readRefs } from './refs';
export type { DatasetTarget, Skipped } from './target';
