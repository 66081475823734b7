import type { ImportFormat } from '@shared/contract/formats';
import type { ProjectStore } from '../project/store';
import { importCoco } from './import-coco';
import { importLabelMe } from './import-labelme';
import { type ImportMasksOptions, importMasks } from './import-masks';
import type { ImportReport } from './import-session';
import { importYolo } from './import-yolo';

const importers: Record<
  ImportFormat,
  (store: ProjectStore, location: string, options: ImportMasksOptions) => Promise<ImportReport>
> = {
  coco: importCoco,
  'yolo-seg': importYolo,
  labelme: importLabelMe,
  masks: importMasks,
};

/**
 * Brings annotations of any format into a project. Importing again adds only what is missing; what cannot be read is
 * in the report, never fatal. Throws NOT_FOUND, FORMAT_UNREADABLE and CANCELLED (what is done stays).
 */
export function importAnnotations(
  store: ProjectStore,
  format: ImportFormat,
  location: string,
  options: ImportMasksOptions,
): Promise<ImportReport> {
  return importers[format](store, location, options);
}
