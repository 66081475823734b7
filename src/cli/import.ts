import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { importCoco } from '@engine/datasets/import-coco';
import { importFolder } from '@engine/datasets/import-folder';
import { createProject, openProject, type ProjectStore, projectFileOf } from '@engine/project';
import { MaskwrightError } from '@shared/contract/errors';
import { exitCodes } from './exit-codes';
import { ProgressLine } from './progress-display';

interface ImportOptions {
  images?: string;
  project: string;
  json?: boolean;
}

export async function importCommand(source: string, options: ImportOptions): Promise<void> {
  const colon = source.indexOf(':');
  const kind = source.slice(0, colon);
  const path = source.slice(colon + 1);
  if ((kind !== 'coco' && kind !== 'folder') || path === '') {
    throw new MaskwrightError('INVALID_REQUEST', `"${source}" is no source.`, {
      hint: 'Use coco:INSTANCES.json or folder:DIR.',
    });
  }
  const store = openOrCreate(options.project);
  const progress = new ProgressLine();
  try {
    const onProgress = (done: number, total: number | null): void => progress.show(done, total);
    const report =
      kind === 'coco'
        ? await importCoco(store, path, { images: options.images ?? null, onProgress })
        : await importFolder(store, path, { onProgress });
    progress.end();
    for (const { item, reason } of report.skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else process.stdout.write(`${summary(report)}, ${report.skipped.length} skipped, in ${store.file}\n`);
    process.exitCode = report.skipped.length > 0 ? exitCodes.itemsFailed : exitCodes.ok;
  } finally {
    store.close();
  }
}

function summary(report: { added: number; known: number } | { images: number; annotations: number }): string {
  return 'annotations' in report
    ? `${report.annotations} annotations on ${report.images} images`
    : `${report.added} images added, ${report.known} there before`;
}

function openOrCreate(location: string): ProjectStore {
  const file = projectFileOf(resolve(location));
  mkdirSync(dirname(file), { recursive: true });
  return existsSync(file) ? openProject(file) : createProject(file);
}
