import { exportToFolder, lossSentence } from '@engine/exporters';
import { openProject } from '@engine/project';
import { MaskwrightError } from '@shared/contract/errors';
import {
  defaultExportOptions,
  type ExportOptions,
  type ExportReport,
  exportFormatSchema,
} from '@shared/contract/formats';
import { interruptible } from './interrupt';
import { ProgressLine } from './progress-display';

interface Options {
  project: string;
  out: string;
  geometry?: ExportOptions['geometry'];
  copyImages?: boolean;
  only?: ExportOptions['images'];
  simplify?: number;
  overwrite?: boolean;
  json?: boolean;
}

export async function exportCommand(kind: string, options: Options): Promise<void> {
  const format = exportFormatSchema.safeParse(kind);
  if (!format.success) {
    throw new MaskwrightError('INVALID_REQUEST', `"${kind}" cannot be exported.`, {
      hint: `Use ${exportFormatSchema.options.join(', ')}.`,
    });
  }
  const defaults = defaultExportOptions(format.data);
  const store = openProject(options.project);
  const progress = new ProgressLine();
  try {
    const chosen: ExportOptions = {
      geometry: options.geometry ?? defaults.geometry,
      copyImages: options.copyImages ?? defaults.copyImages,
      images: options.only ?? defaults.images,
      tolerance: options.simplify ?? defaults.tolerance,
    };
    const report = await interruptible((signal) =>
      exportToFolder(store, format.data, chosen, options.out, {
        onProgress: (done, total) => progress.show(done, total),
        signal,
        overwrite: options.overwrite ?? false,
      }),
    );
    progress.end();
    const warnings = report.losses.map(lossSentence);
    for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify({ ...report, warnings })}\n`);
    else process.stdout.write(`${summary(report)}: ${report.location}\n`);
  } finally {
    progress.end();
    store.close();
  }
}

function summary({ format, annotations, images, files, asImported }: ExportReport): string {
  if (format === 'trajectories') return `${annotations} trajectories`;
  const kept = asImported === 0 ? '' : `, ${asImported} of them as they were imported`;
  const many = files === 1 ? '' : `, in ${files} files`;
  return `${annotations} annotations on ${images} images${kept}${many}`;
}
