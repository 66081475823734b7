export { exportRlPrompts, type RlPromptOptions } from './export-rl-prompts';
export { exportTraining, type TrainingOptions } from './export-training';
export { filesInFolder, filesOfDataset, projectSource, type TrainingSource } from './sources';
export { type ValidationReport, validateTraining } from './validate-training';
