export { readCoco, readCocoFile } from './coco';
export { readFolder } from './folder';
export { importAnnotations } from './import-annotations';
export { type FolderReport, importFolder } from './import-folder';
export type { ImportOptions, ImportReport } from './import-session';
export { parseQueries, readQueries } from './queries';
export { readRefs } from './refs';
export type { DatasetTarget, Skipped } from './target';
