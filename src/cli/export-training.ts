import { type Dataset, openDataset, parseDatasetSpec } from '@engine/datasets';
import {
  exportRlPrompts,
  exportTraining,
  filesInFolder,
  filesOfDataset,
  projectSource,
  type TrainingSource,
  validateTraining,
} from '@engine/exporters/training';
import { withFolderLock } from '@engine/folder-lock';
import { openProject } from '@engine/project';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { settleConventions } from '@shared/tools/conventions';
import { type Manifest, type TrainingEngine, trainingForms } from '@shared/training/manifest';
import { exitCodes } from './exit-codes';
import { interruptible } from './interrupt';
import { askedConventions, type ConventionOptions } from './options/conventions';
import { ProgressLine } from './progress-display';

interface ExportTrainingOptions extends ConventionOptions {
  engine: TrainingEngine;
  trajectories?: string[];
  images?: string;
  dataset?: string;
  split?: string;
  instances?: string;
  limit?: number;
  turns: number;
  project?: string;
  out: string;
  observationImages?: number | 'all';
  minIou: number;
  imageRoot: string;
  overwrite?: boolean;
  json?: boolean;
}

export async function exportTrainingCommand(kind: string, options: ExportTrainingOptions): Promise<void> {
  const form = trainingForms.find((known) => known === kind);
  if (form === undefined) {
    throw new MaskwrightError('INVALID_REQUEST', `"${kind}" is no form of training data.`, {
      hint: `Use ${trainingForms.join(', ')}.`,
    });
  }
  if (form === 'rl-prompts') return exportPrompts(options);
  let unreadable = 0;
  const opened = await openSource(options, (id, error) => {
    unreadable += 1;
    process.stderr.write(`skipped ${id}: ${messageOf(error)}\n`);
  });
  const progress = new ProgressLine();
  try {
    const manifest = await interruptible((signal) =>
      withFolderLock(options.out, () =>
        exportTraining(form, opened.source, options.out, {
          engine: options.engine,
          observationImages: options.observationImages,
          minIou: options.minIou,
          imageRoot: options.imageRoot,
          overwrite: options.overwrite ?? false,
          onProgress: (done) => progress.show(done, null),
          signal,
        }),
      ),
    );
    progress.end();
    report(manifest, options);
    const failed = unreadable + (manifest.dropped.image ?? 0);
    process.exitCode = failed > 0 ? exitCodes.itemsFailed : exitCodes.ok;
  } finally {
    progress.end();
    opened.close();
  }
}

async function exportPrompts(options: ExportTrainingOptions): Promise<void> {
  const { dataset, trajectories, project } = options;
  if (dataset === undefined || trajectories !== undefined || project !== undefined) {
    throw new MaskwrightError('INVALID_REQUEST', 'RL prompts are made of --dataset alone.', {
      hint: 'The accepted masks of a project are --dataset project:FILE.',
    });
  }
  const opened = await openItems(dataset, options);
  let skipped = 0;
  const progress = new ProgressLine();
  try {
    const manifest = await interruptible((signal) =>
      withFolderLock(options.out, () =>
        exportRlPrompts(opened, options.out, {
          engine: options.engine,
          conventions: settleConventions({}, askedConventions(options)),
          turnBudget: options.turns,
          imageRoot: options.imageRoot,
          overwrite: options.overwrite ?? false,
          onProgress: (done) => progress.show(done, null),
          onSkip: ({ item, reason }) => {
            skipped += 1;
            process.stderr.write(`skipped ${item}: ${reason}\n`);
          },
          signal,
        }),
      ),
    );
    progress.end();
    report(manifest, options);
    const failed = skipped + (manifest.dropped.image ?? 0);
    process.exitCode = failed > 0 ? exitCodes.itemsFailed : exitCodes.ok;
  } finally {
    progress.end();
  }
}

/** The data set as `env`, `eval` and `synthesize` open it with the same options. */
function openItems(
  dataset: string,
  { split, images, instances, limit }: ExportTrainingOptions,
): Promise<Dataset> {
  return openDataset(parseDatasetSpec(dataset), { split, images, instances, limit });
}

async function openSource(
  options: ExportTrainingOptions,
  onUnreadable: (id: string, error: unknown) => void,
): Promise<{ source: TrainingSource; close: () => void }> {
  const { trajectories, images, dataset, project } = options;
  if ((trajectories === undefined) === (project === undefined)) {
    throw new MaskwrightError('INVALID_REQUEST', 'Either --project or --trajectories says what to export.');
  }
  if (project !== undefined) {
    const store = openProject(project);
    return { source: projectSource(store, onUnreadable), close: () => store.close() };
  }
  if (images === undefined && dataset === undefined) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      '--images or --dataset says where the images of --trajectories are.',
    );
  }
  const files = trajectories ?? [];
  const source =
    dataset === undefined
      ? filesInFolder(files, images ?? '')
      : await filesOfDataset(files, await openItems(dataset, options));
  return { source, close: () => {} };
}

function report(manifest: Manifest, { out, json }: ExportTrainingOptions): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(manifest)}\n`);
    return;
  }
  const { counts, dropped, contextTurns } = manifest;
  const reasons = (of: Readonly<Record<string, number>>): string =>
    Object.entries(of)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ') || 'none';
  process.stdout.write(
    `${counts.rows} rows of ${counts.used} ${manifest.form === 'rl-prompts' ? 'items' : 'trajectories'}, ${counts.images} images: ${out}\n` +
      `dropped: ${reasons(dropped)}\n`,
  );
  if (manifest.form === 'rl-prompts') return;
  process.stdout.write(
    `turns under loss: ${counts.turnsUnderLoss} of ${counts.turns}; that lowered the IoU: ${counts.turnsUnderLossThatLoweredIou}\n` +
      `context only: ${reasons(contextTurns)}\n`,
  );
}

export async function validateTrainingCommand(dir: string, options: { json?: boolean }): Promise<void> {
  const progress = new ProgressLine();
  const result = await validateTraining(dir, { onProgress: (rows) => progress.show(rows, null) });
  progress.end();
  if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  for (const { file, row, reason } of result.problems) {
    process.stderr.write(`${file}${row === null ? '' : `, row ${row}`}: ${reason}\n`);
  }
  if (!options.json) {
    const { engine, form } = result.manifest;
    const verdict = result.problems.length === 0 ? 'as it should be' : `${result.problems.length} problems`;
    process.stdout.write(
      `${form} for ${engine}: ${result.rows} rows, ${result.images} images, ${result.turnsUnderLoss} turns under loss: ${verdict}\n`,
    );
  }
  process.exitCode = result.problems.length === 0 ? exitCodes.ok : exitCodes.itemsFailed;
}
