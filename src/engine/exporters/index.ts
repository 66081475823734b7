export { type CocoExportReport, exportCoco } from './coco';
export type { CocoOut } from './coco-format';
export { cocoFromResults, type ImageResult } from './coco-results';
export { exportTrajectories, parseTrajectories, trajectoriesToJsonl } from './trajectories';
export { writeTextFile } from './write-file';
