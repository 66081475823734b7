export { readCoco, readCocoFile } from './coco';
export { readFolder } from './folder';
export { parseQueries, readQueries } from './queries';
export { readRefs } from './refs';
export type { DatasetTarget, Skipped } from './target';
