export { type CocoReport, importCoco } from './import-coco';
export { type FolderReport, importFolder } from './import-folder';
export { createProject, openOrCreateProject, openProject, projectFileOf } from './open';
export { type ProjectImage, ProjectStore, type StoreChange } from './store';
