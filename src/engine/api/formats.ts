import type { ExportReport } from '@shared/contract/formats';
import type { Handlers } from '@shared/contract/methods';
import { importAnnotations } from '../datasets';
import { exportText, exportToFolder, previewExport, readBack } from '../exporters';
import type { JobRunner } from '../jobs/runner';
import type { ProjectStore } from '../project';
import type { Workspace } from './workspace';

type FormatMethods =
  | 'formats.import'
  | 'formats.export'
  | 'formats.report'
  | 'formats.download'
  | 'formats.preview'
  | 'formats.readBack';

/** Reports of exports that are kept. */
const keptReports = 20;

const names = {
  coco: 'COCO',
  'yolo-seg': 'YOLO',
  labelme: 'LabelMe',
  masks: 'PNG masks',
  overlays: 'overlays',
  trajectories: 'trajectories',
} as const;

export function formatHandlers(workspace: Workspace, jobs: JobRunner): Pick<Handlers, FormatMethods> {
  const reports = new Map<string, ExportReport>();
  return {
    'formats.import': async ({ format, location, images }) => {
      const store = workspace.project;
      const { id } = jobs.start('import-annotations', `Import ${names[format]}`, async (job) => {
        const report = await importAnnotations(store, format, location, {
          images,
          onProgress: job.progress,
          onSkip: ({ item, reason }) => job.fail(item, reason),
          signal: job.signal,
        });
        return `${report.annotations} annotations on ${report.images} images`;
      });
      return { jobId: id };
    },
    'formats.export': async ({ format, options, folder, overwrite = false }) => {
      const store = workspace.project;
      const { id } = jobs.start('export', `Export ${names[format]}`, async (job) => {
        const report = await exportToFolder(store, format, options, folder, {
          onProgress: job.progress,
          signal: job.signal,
          overwrite,
        });
        reports.set(id, report);
        for (const old of [...reports.keys()].slice(0, -keptReports)) reports.delete(old);
        return format === 'trajectories'
          ? `${report.annotations} trajectories in ${report.location}`
          : `${report.annotations} annotations of ${report.images} images in ${report.location}`;
      });
      return { jobId: id };
    },
    'formats.report': async ({ jobId }) => reports.get(jobId) ?? null,
    'formats.download': async ({ format, options }) => {
      const store = workspace.project;
      const { text, report } = await exportText(store, format, options);
      return { fileName: `${fileStem(store)}-${report.location}`, text, report };
    },
    'formats.preview': async ({ format, options, offset, limit }) =>
      previewExport(workspace.project, format, options, { offset, limit }),
    'formats.readBack': async ({ format, options, imageId }) =>
      readBack(workspace.project, format, options, imageId),
  };
}

function fileStem(store: ProjectStore): string {
  const stem = store
    .summary()
    .name.replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '');
  return stem === '' ? 'project' : stem.toLowerCase();
}
