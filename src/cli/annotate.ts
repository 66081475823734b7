import { join } from 'node:path';
import { annotateBatch } from '@engine/batch/annotate';
import { ProgressLog } from '@engine/batch/progress-log';
import { reportOf } from '@engine/batch/report';
import type { DatasetTarget, Skipped } from '@engine/datasets';
import { readCocoFile, readFolder, readQueries, readRefs } from '@engine/datasets';
import { type Shard, shardText, takeShard } from '@engine/datasets/shard';
import { cocoFromResults, writeTextFile, writeTextParts } from '@engine/exporters';
import { withFolderLock } from '@engine/folder-lock';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { parsePolicySpec, parseSegmenterSpec } from '@engine/setup/specs';
import { MaskwrightError } from '@shared/contract/errors';
import { exitCodes } from './exit-codes';
import {
  conventionsFingerprint,
  policyFingerprint,
  segmenterFingerprint,
  targetsFingerprint,
} from './fingerprint';
import { stopOnSignal } from './interrupt';
import { askedConventions, type ConventionOptions } from './options/conventions';
import { cacheDir, outDir, resourcesDir } from './paths';
import { policyFactory } from './policy-factory';
import { ProgressDisplay } from './progress-display';

interface AnnotateOptions extends ConventionOptions {
  images: string;
  query?: string;
  queries?: string;
  refs?: string;
  instances?: string;
  policy: string;
  segmenter: string;
  turns: number;
  concurrency: number;
  seed: number;
  shard?: Shard;
  keepFailed?: boolean;
  out: string;
  json?: boolean;
}

export async function annotateCommand(options: AnnotateOptions): Promise<void> {
  checkSources(options);
  const policySpec = parsePolicySpec(options.policy, resourcesDir);
  if (options.policy === 'embedded') {
    process.stderr.write(
      'warning: The embedded agent knows drawn scenes only; what it says of photographs is a guess. Name a larger model with --policy.\n',
    );
  }
  const segmenterSpec = parseSegmenterSpec(options.segmenter, resourcesDir);
  const { targets: all, skipped } = await readTargets(options);
  const targets = takeShard(all, options.shard);
  if (policySpec.kind === 'simulated' && !all.every((target) => target.groundTruth || target.noTarget)) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      'The simulated annotator needs the ground truth of every target.',
      {
        hint: 'Give --refs and --instances.',
      },
    );
  }
  const policies = await policyFactory(policySpec, askedConventions(options), outDir);
  const segmenter = await openSegmenter({
    ...segmenterSpec,
    threadFile: join(outDir, 'segmenter-thread.js'),
    cacheDir: join(cacheDir(), 'embeddings'),
  });
  const stop = stopOnSignal();
  const display = new ProgressDisplay(targets.length);
  try {
    const fingerprint = {
      policy: await policyFingerprint(policySpec),
      ...conventionsFingerprint(policies.conventions),
      segmenter: await segmenterFingerprint(segmenterSpec),
      turns: options.turns,
      seed: options.seed,
      targets: targetsFingerprint(all),
      ...(options.shard && { shard: shardText(options.shard) }),
    };
    await withFolderLock(options.out, async () => {
      const log = await ProgressLog.open(options.out, fingerprint, { keepFailed: options.keepFailed });
      display.start(log.done.size);
      await annotateBatch(targets, log, {
        segmenter,
        policyFor: policies.policyFor,
        conventions: policies.conventions,
        turnBudget: options.turns,
        concurrency: options.concurrency,
        seed: options.seed,
        signal: stop.signal,
        onItem: (result) => display.step(result.ok ? null : `${result.key}: ${result.message}`),
      });
      display.stop();
      await writeResults(options, targets, skipped, log);
    });
  } finally {
    display.stop();
    stop.dispose();
    await segmenter.close();
    await policies.close();
  }
}

function checkSources(options: AnnotateOptions): void {
  if (options.query !== undefined && options.query.trim() === '') {
    throw new MaskwrightError('INVALID_REQUEST', '--query is empty.', { hint: 'Say what to segment.' });
  }
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
  skipped: readonly Skipped[],
  log: ProgressLog,
): Promise<void> {
  const finished = targets.flatMap((target) => {
    const result = log.done.get(target.key);
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
      objects: result.objects,
    })),
    {
      categories: options.instances === undefined ? [] : (await readCocoFile(options.instances)).categories,
    },
  );
  const report = reportOf(targets, log.done, skipped);
  const file = (name: string): string => join(options.out, name);
  await writeTextFile(file('coco.json'), `${JSON.stringify(coco)}\n`);
  await writeTextParts(file('trajectories.jsonl'), trajectoryLines(log, finished));
  await writeTextFile(file('report.json'), `${JSON.stringify(report, null, 2)}\n`);
  for (const { item, reason } of skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
  for (const item of report.per_item) {
    if (!item.ok) process.stderr.write(`failed ${item.key} (${item.image}): ${item.error}\n`);
  }
  const { per_item: _rows, ...totals } = report;
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else
    process.stderr.write(
      `${JSON.stringify({ ...totals, skipped: skipped.length })}\n${options.out}: coco.json, trajectories.jsonl, report.json\n`,
    );
  process.exitCode = report.failed > 0 || skipped.length > 0 ? exitCodes.itemsFailed : exitCodes.ok;
}

async function* trajectoryLines(
  log: ProgressLog,
  finished: readonly { target: DatasetTarget }[],
): AsyncGenerator<string, void> {
  for await (const json of log.trajectories(finished.map(({ target }) => target.key))) yield `${json}\n`;
}
