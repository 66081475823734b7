import { dirname } from 'node:path';
import type { Handlers } from '@shared/contract/methods';
import { z } from 'zod';
import { importCoco } from '../datasets/import-coco';
import { importFolder } from '../datasets/import-folder';
import { exportCoco, exportTrajectories } from '../exporters';
import type { JobRunner } from '../jobs/runner';
import type { ProjectStore } from '../project';
import type { Workspace } from './workspace';

type ProjectMethods =
  | 'project.current'
  | 'project.recent'
  | 'project.open'
  | 'project.openSample'
  | 'project.importCoco'
  | 'project.exportCoco'
  | 'project.exportTrajectories';

export function projectHandlers(workspace: Workspace, jobs: JobRunner): Pick<Handlers, ProjectMethods> {
  return {
    'project.current': async () => workspace.summary(),
    'project.recent': async () => workspace.recent(),
    'project.open': async ({ location }) => {
      return (await openProject(workspace, jobs, location)).summary();
    },
    'project.openSample': async () => (await workspace.openSample()).summary(),
    'project.importCoco': async ({ file, images }) => {
      const store = workspace.project;
      const { id } = jobs.start('import-coco', 'Import COCO annotations', async (job) => {
        const report = await importCoco(store, file, {
          images,
          onProgress: job.progress,
          signal: job.signal,
        });
        for (const skipped of report.skipped) job.fail(skipped.item, skipped.reason);
        return `${report.annotations} annotations on ${report.images} images`;
      });
      return { jobId: id };
    },
    'project.exportCoco': async () => {
      const store = workspace.project;
      const { coco, report } = exportCoco(store);
      return {
        fileName: `${fileStem(store)}-coco.json`,
        json: `${JSON.stringify(coco)}\n`,
        annotations: coco.annotations.length,
        images: coco.images.length,
        warnings: report.warnings,
      };
    },
    'project.exportTrajectories': async () => {
      const store = workspace.project;
      const { jsonl, trajectories, warnings } = exportTrajectories(store);
      return { fileName: `${fileStem(store)}-trajectories.jsonl`, jsonl, trajectories, warnings };
    },
  };
}

/** True in a project that was made from a folder and holds that folder's images. */
const followsFolderSetting = 'followsFolder';

/** Opens a project; a folder that had none gets one. The images of such a folder are imported as a job. */
export async function openProject(
  workspace: Workspace,
  jobs: JobRunner,
  location: string,
): Promise<ProjectStore> {
  const { store, created, alreadyOpen } = await workspace.open(location);
  if (created) store.setSetting(followsFolderSetting, true);
  // Looked through again at every opening: images may have been added, or the first import cut short.
  if (!alreadyOpen && store.setting(followsFolderSetting, z.boolean())) startFolderImport(store, jobs);
  return store;
}

function startFolderImport(store: ProjectStore, jobs: JobRunner): void {
  jobs.start('import-folder', 'Import images', async (job) => {
    const report = await importFolder(store, dirname(store.file), {
      onProgress: job.progress,
      signal: job.signal,
    });
    for (const skipped of report.skipped) job.fail(skipped.item, skipped.reason);
    return `${report.added} images`;
  });
}

function fileStem(store: ProjectStore): string {
  const stem = store
    .summary()
    .name.replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return stem === '' ? 'project' : stem.toLowerCase();
}
