import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { type ItemResult, ProgressLog } from '@engine/batch/progress-log';
import { reportOf } from '@engine/batch/report';
import type { DatasetTarget, Skipped } from '@engine/datasets';
import { readFolder, readQueries, readRefs } from '@engine/datasets';
import { cocoFromResults } from '@engine/exporters/coco-results';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { parsePolicySpec, parseSegmenterSpec } from '@engine/setup/specs';
import { MaskwrightError } from '@shared/contract/errors';
import type { Coordinates } from '@shared/geometry/view';
import { hashText } from '@shared/random';
import { observationAt } from '@shared/trajectory/tree';
import writeFileAtomic from 'write-file-atomic';
import { exitCodes } from './exit-codes';
import { cacheDir, outDir, resourcesDir } from './paths';
import { policyFactory } from './policy-factory';
import { ProgressDisplay } from './progress-display';

interface AnnotateOptions {
  images: string;
  query?: string;
  queries?: string;
  refs?: string;
  instances?: string;
  policy: string;
  coordinates: Coordinates;
  segmenter: string;
  turns: number;
  concurrency: number;
  seed: number;
  out: string;
  json?: boolean;
}

export async function annotateCommand(options: AnnotateOptions): Promise<void> {
  checkSources(options);
  const policySpec = parsePolicySpec(options.policy, resourcesDir);
  const segmenterSpec = parseSegmenterSpec(options.segmenter, resourcesDir);
  const { targets, skipped } = await readTargets(options);
  if (policySpec.kind === 'simulated' && !targets.every((target) => target.groundTruth || target.noTarget)) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      'The simulated annotator needs the ground truth of every target.',
      {
        hint: 'Give --refs and --instances.',
      },
    );
  }
  const policies = await policyFactory(policySpec, options.coordinates, outDir);
  const segmenter = await openSegmenter({
    ...segmenterSpec,
    threadFile: join(outDir, 'segmenter-thread.js'),
    cacheDir: join(cacheDir(), 'embeddings'),
  });
  const stop = stopOnSignal();
  const display = new ProgressDisplay(targets.length);
  try {
    const log = new ProgressLog(options.out, {
      policy: options.policy,
      coordinates: options.coordinates,
      segmenter: { name: segmenter.identity.name, signature: segmenter.identity.signature },
      turns: options.turns,
      seed: options.seed,
      targets: targets.length,
      targetsHash: hashText(
        targets.map((target) => `${target.key}\t${target.fileName}\t${target.query}`).join('\n'),
      ),
    });
    display.start(log.done.size);
    await annotateBatch(targets, log, {
      segmenter,
      policyFor: policies.policyFor,
      coordinates: options.coordinates,
      turnBudget: options.turns,
      concurrency: options.concurrency,
      seed: options.seed,
      signal: stop.signal,
      onItem: (result) => display.step(result.ok ? null : `${result.key}: ${result.message}`),
    });
    display.stop();
    await writeResults(options, targets, log.done);
  } finally {
    display.stop();
    stop.dispose();
    await segmenter.close();
    await policies.close();
  }
  for (const { item, reason } of skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
}

function checkSources(options: AnnotateOptions): void {
  const sources = [options.query, options.queries, options.refs].filter((given) => given !== undefined);
  if (sources.length !== 1) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      'Exactly one of --query, --queries and --refs says what to look for.',
    );
  }
  if ((options.refs === undefined) !== (options.instances === undefined)) {
    throw new MaskwrightError('INVALID_REQUEST', '--refs and --instances belong together.');
  }
}

async function readTargets(
  options: AnnotateOptions,
): Promise<{ targets: DatasetTarget[]; skipped: Skipped[] }> {
  const skipped: Skipped[] = [];
  const onSkip = (entry: Skipped): void => {
    skipped.push(entry);
  };
  const targets: DatasetTarget[] = [];
  for await (const target of source(options, onSkip)) targets.push(target);
  if (targets.length === 0) {
    throw new MaskwrightError('INVALID_REQUEST', 'There is nothing to annotate.', {
      hint: skipped[0]
        ? `First reason: ${skipped[0].item}: ${skipped[0].reason}`
        : 'Is --images the right folder?',
    });
  }
  return { targets, skipped };
}

async function* source(
  options: AnnotateOptions,
  onSkip: (skipped: Skipped) => void,
): AsyncGenerator<DatasetTarget, void> {
  const { images, query, queries, refs, instances } = options;
  if (refs !== undefined && instances !== undefined) yield* readRefs(refs, instances, { images, onSkip });
  else if (queries !== undefined) yield* readQueries(queries, { images, onSkip });
  else for await (const target of readFolder(images, { onSkip })) yield { ...target, query: query ?? '' };
}

async function writeResults(
  options: AnnotateOptions,
  targets: readonly DatasetTarget[],
  results: ReadonlyMap<string, ItemResult>,
): Promise<void> {
  const finished = targets.flatMap((target) => {
    const result = results.get(target.key);
    return result?.ok ? [{ target, result }] : [];
  });
  const coco = cocoFromResults(
    finished.map(({ target, result }) => ({
      fileName: target.fileName,
      width: result.imageWidth,
      height: result.imageHeight,
      imageId: target.imageId,
      query: target.query,
      category: target.category,
      objects: objectsOf(result.trajectory),
    })),
    { categories: options.instances === undefined ? [] : categoriesOf(options.instances) },
  );
  const report = reportOf(targets, results);
  const file = (name: string): string => join(options.out, name);
  const lines = finished.map(({ result }) => `${JSON.stringify(result.trajectory)}\n`);
  await writeFileAtomic(file('coco.json'), `${JSON.stringify(coco)}\n`);
  await writeFileAtomic(file('trajectories.jsonl'), lines.join(''));
  await writeFileAtomic(file('report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const item of report.per_item) {
    if (!item.ok) process.stderr.write(`failed ${item.key} (${item.image}): ${item.error}\n`);
  }
  const { per_item: _rows, ...totals } = report;
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stderr.write(
      `${JSON.stringify(totals)}\n${options.out}: coco.json, trajectories.jsonl, report.json\n`,
    );
  process.exitCode = report.failed > 0 ? exitCodes.itemsFailed : exitCodes.ok;
}

/** The submitted masks with the scores of their objects at the last observation. */
function objectsOf(trajectory: Extract<ItemResult, { ok: true }>['trajectory']) {
  const last = observationAt(trajectory, trajectory.outcome.node);
  return trajectory.outcome.masks.map((mask) => ({
    mask,
    score: last.objects.find((object) => object.mask?.counts === mask.counts)?.predictedIou ?? null,
    author: trajectory.nodes[0]?.author ?? 'agent',
  }));
}

function categoriesOf(instances: string): { id: number; name: string; supercategory?: string }[] {
  // The reader has checked this file already.
  return JSON.parse(readFileSync(instances, 'utf8')).categories;
}

/** Aborts at the first Ctrl+C, so that finished items are kept; the second ends the process at once. */
function stopOnSignal(): { signal: AbortSignal; dispose(): void } {
  const abort = new AbortController();
  const onSignal = (): void => {
    if (abort.signal.aborted) process.exit(exitCodes.interrupted);
    process.stderr.write('\nStopping. The same command goes on from here.\n');
    abort.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: abort.signal,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
