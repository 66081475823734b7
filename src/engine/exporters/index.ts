export { type CocoExportReport, exportCoco } from './coco';
export type { CocoOut } from './coco-format';
export { cocoFromResults, type ImageResult } from './coco-results';
export { exportTrajectories, parseTrajectories, readTrajectories, trajectoriesToJsonl } from './trajectories';
export { writeTextFile, writeTextParts } from './write-file';
