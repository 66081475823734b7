import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type FolderReport, type ImportReport, importAnnotations, importFolder } from '@engine/datasets';
import { createProject, openProject, type ProjectStore, projectFileOf } from '@engine/project';
import { MaskwrightError } from '@shared/contract/errors';
import { importFormatSchema } from '@shared/contract/formats';
import { exitCodes } from './exit-codes';
import { interruptible } from './interrupt';
import { ProgressLine } from './progress-display';

interface ImportOptions {
  images?: string;
  classes?: string;
  project: string;
  json?: boolean;
}

export async function importCommand(source: string, options: ImportOptions): Promise<void> {
  const colon = source.indexOf(':');
  const kind = source.slice(0, Math.max(0, colon));
  const path = source.slice(colon + 1);
  const format = importFormatSchema.safeParse(kind);
  if ((!format.success && kind !== 'folder') || path === '') {
    throw new MaskwrightError('INVALID_REQUEST', `"${source}" is no source.`, {
      hint: 'Use coco:FILE, yolo-seg:FILE, labelme:PATH, masks:DIR or folder:DIR.',
    });
  }
  const { store, created } = openOrCreate(options.project);
  const progress = new ProgressLine();
  try {
    const onProgress = (done: number, total: number | null): void => progress.show(done, total);
    const report = await interruptible<FolderReport | ImportReport>((signal) =>
      format.success
        ? importAnnotations(store, format.data, path, {
            images: options.images ?? null,
            classes: options.classes ?? null,
            onProgress,
            signal,
          })
        : importFolder(store, path, { onProgress, signal }),
    );
    progress.end();
    for (const { item, reason } of report.skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else process.stdout.write(`${summary(report)}, ${report.skipped.length} skipped, in ${store.file}\n`);
    process.exitCode = report.skipped.length > 0 ? exitCodes.itemsFailed : exitCodes.ok;
  } finally {
    progress.end();
    const isEmpty = store.summary().counts.images === 0;
    store.close();
    // A failed import leaves nothing that looks like a project.
    if (created && isEmpty) rmSync(store.file, { force: true });
  }
}

function summary(report: FolderReport | ImportReport): string {
  return 'annotations' in report
    ? `${report.annotations} annotations on ${report.images} images (${report.addedAnnotations} and ${report.addedImages} of them new)`
    : `${report.added} images added, ${report.known} there before`;
}

function openOrCreate(location: string): { store: ProjectStore; created: boolean } {
  const file = projectFileOf(resolve(location));
  mkdirSync(dirname(file), { recursive: true });
  if (existsSync(file)) return { store: openProject(file), created: false };
  return { store: createProject(file), created: true };
}
