import { dirname } from 'node:path';
import type { Handlers } from '@shared/contract/methods';
import { z } from 'zod';
import { importFolder } from '../datasets/import-folder';
import type { JobRunner } from '../jobs/runner';
import type { ProjectStore } from '../project';
import type { Workspace } from './workspace';

type ProjectMethods = 'project.current' | 'project.recent' | 'project.open' | 'project.openSample';

export function projectHandlers(workspace: Workspace, jobs: JobRunner): Pick<Handlers, ProjectMethods> {
  return {
    'project.current': async () => workspace.summary(),
    'project.recent': async () => workspace.recent(),
    'project.open': async ({ location }) => {
      return (await openProject(workspace, jobs, location)).summary();
    },
    'project.openSample': async () => (await workspace.openSample()).summary(),
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
