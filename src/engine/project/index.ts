export { type FolderReport, importFolder } from '../datasets/import-folder';
export { createProject, openOrCreateProject, openProject, projectFileOf } from './open';
export { type ProjectImage, ProjectStore, type StoreChange } from './store';
