export type { CocoOut } from './coco-format';
export { cocoFromResults, type ImageResult } from './coco-results';
export { exportText, exportToFolder } from './export';
export { lossSentence } from './losses';
export { previewExport, readBack } from './preview';
export { parseTrajectories, readTrajectories, trajectoriesToJsonl, trajectoryParts } from './trajectories';
export { writeTextFile, writeTextParts } from './write-file';
