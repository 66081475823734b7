export { exportTraining, type TrainingOptions } from './export-training';
export { filesInFolder, filesOfDataset, projectSource, type TrainingSource } from './sources';
export { type ValidationReport, validateTraining } from './validate-training';
