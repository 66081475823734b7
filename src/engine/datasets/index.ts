export { readCoco, readCocoFile } from './coco';
export {
  type Dataset,
  type DatasetKind,
  type DatasetOptions,
  type DatasetSpec,
  datasetKinds,
  openDataset,
  parseDatasetSpec,
  type TargetsOptions,
} from './dataset';
export { readFolder } from './folder';
export { groundTruthOf } from './ground-truth';
export { importAnnotations } from './import-annotations';
export { type FolderReport, importFolder } from './import-folder';
export type { ImportOptions, ImportReport } from './import-session';
export { parseQueries, readQueries } from './queries';
export { readRefs } from './refs';
export { type DatasetTarget, openTargetImage, type Skipped, targetOf } from './target';
