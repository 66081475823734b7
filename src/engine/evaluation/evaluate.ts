import { join } from 'node:path';
import { MaskwrightError } from '@shared/contract/errors';
import type { Sample } from '@shared/evaluation/sample';
import { annotateBatches, type BatchOptions } from '../batch/annotate';
import { type ItemSummary, ProgressLog } from '../batch/progress-log';
import type { Dataset, DatasetTarget, Skipped } from '../datasets';
import { type Shard, shardText, takeShard } from '../datasets/shard';
import { writeTextFile, writeTextParts } from '../exporters';
import { worstCases } from './cases';
import { type EvaluationReport, type EvaluationSettings, evaluationReport } from './report';
import { reportPage } from './report-page';
import { readTargetRows, sampleOf, type TargetRow } from './samples';
import { scoresOf } from './scores';

export const reportFile = 'report.json';
export const samplesFile = 'samples.jsonl';
export const pageFile = 'report.html';

export interface EvaluationOptions
  extends Pick<
    BatchOptions,
    'segmenter' | 'policyFor' | 'conventions' | 'turnBudget' | 'concurrency' | 'seed' | 'signal'
  > {
  /** Other turn budgets to evaluate besides, each with episodes of its own. */
  sweep: readonly number[];
  /** In words, for the report. */
  settings: EvaluationSettings;
  /** What decides the results beside turns and targets, for the stamps of the folders. */
  fingerprint: Record<string, unknown>;
  /** Is told every target that is evaluated, and gives what tells the same targets again. */
  targetsSum: { add(target: DatasetTarget): void; end(): unknown };
  shard?: Shard;
  keepFailed?: boolean;
  /** How many of the worst samples the page shows as pictures. */
  cases: number;
  /** Is told how much there is, with what earlier runs did, and then of every finished item. */
  onStart(total: number, done: number): void;
  onItem(problem: string | null): void;
}

/**
 * Runs an episode for each target of a data set, and for each other turn budget of the sweep, and writes samples, report
 * and page into a folder. What an earlier run of the same finished is not done again. Targets are streamed: what is held
 * of a sample is its numbers.
 *
 * A policy is told how many turns are left, and may act by it, so the first turns of a long episode are not a short
 * episode: every budget has episodes of its own.
 *
 * @throws MaskwrightError INVALID_REQUEST when there is nothing to evaluate, CONFLICT when the folder holds another run,
 *   CANCELLED, and what ends a batch
 */
export async function evaluate(
  dataset: Dataset,
  dir: string,
  options: EvaluationOptions,
): Promise<EvaluationReport> {
  const skipped: Skipped[] = [];
  const all = await readTargetRows(dataset, {
    onSkip: (entry) => skipped.push(entry),
    each: (target) => options.targetsSum.add(target),
    signal: options.signal,
  });
  if (all.length === 0) throw nothingToEvaluate(dataset, skipped);
  const rows = takeShard(all, options.shard);
  const targets = { ...options.fingerprint, targets: options.targetsSum.end() };
  const budgets = [...new Set([options.turnBudget, ...options.sweep])];
  const runs: Run[] = [];
  for (const turns of budgets) {
    const folder = turns === options.turnBudget ? dir : join(dir, `turns-${turns}`);
    const stamp = {
      evaluation: true,
      ...targets,
      turns,
      seed: options.seed,
      ...(options.shard && { shard: shardText(options.shard) }),
    };
    const log = await ProgressLog.open(folder, stamp, { keepFailed: options.keepFailed, keepMasks: false });
    runs.push({ turns, folder, log, rows });
  }
  options.onStart(
    rows.length * runs.length,
    runs.reduce((sum, { log }) => sum + log.done.size, 0),
  );
  const samples = new Map<number, Sample[]>();
  await runEpisodes(dataset, rows, runs, options);
  for (const run of runs) {
    const list = samplesOf(run);
    samples.set(run.turns, list);
    await writeTextParts(join(run.folder, samplesFile), lines(list));
  }
  const main = samples.get(options.turnBudget) ?? [];
  const report = evaluationReport({
    dataset: { kind: dataset.spec.kind, name: dataset.name, split: dataset.split },
    settings: options.settings,
    samples: main,
    budgets: options.sweep.length === 0 ? new Map() : samples,
    skipped,
  });
  await writeTextFile(join(dir, reportFile), `${JSON.stringify(report, null, 2)}\n`);
  const log = runs[0]?.log;
  const cases = log ? await worstCases(dataset, main, log, options.cases) : [];
  await writeTextFile(join(dir, pageFile), reportPage(report, main, cases));
  return report;
}

/** The episodes of one turn budget. */
interface Run {
  turns: number;
  folder: string;
  log: ProgressLog;
  rows: readonly TargetRow[];
}

/** Of all turn budgets, in one pass over the data set. */
async function runEpisodes(
  dataset: Dataset,
  rows: readonly TargetRow[],
  runs: readonly Run[],
  options: EvaluationOptions,
): Promise<void> {
  if (runs.every(({ log }) => rows.every(({ key }) => log.done.has(key)))) return;
  const wanted = new Set(rows.map(({ key }) => key));
  async function* targets(): AsyncGenerator<DatasetTarget, void> {
    for await (const target of dataset.targets({ signal: options.signal }))
      if (wanted.has(target.key)) yield target;
  }
  const batches = runs.map(({ log, turns }) => ({ log, turnBudget: turns }));
  await annotateBatches(targets(), batches, {
    segmenter: options.segmenter,
    policyFor: options.policyFor,
    conventions: options.conventions,
    concurrency: options.concurrency,
    seed: options.seed,
    signal: options.signal,
    scoresOf,
    onItem: (result) => options.onItem(result.ok ? null : `${result.key}: ${result.message}`),
  });
}

function samplesOf({ log, rows }: Run): Sample[] {
  return rows.map((row) => sampleOf(row, log.done.get(row.key) ?? notDone(row)));
}

/** A target that the data set gave when it was counted, and no more when it was its turn. */
function notDone({ key, gtArea }: TargetRow): ItemSummary {
  return {
    ok: false,
    key,
    code: 'NOT_FOUND',
    message: 'The data set changed while it was evaluated.',
    hint: '',
    truthArea: gtArea,
  };
}

async function* lines(samples: readonly Sample[]): AsyncGenerator<string, void> {
  for (const sample of samples) yield `${JSON.stringify(sample)}\n`;
}

function nothingToEvaluate(dataset: Dataset, skipped: readonly Skipped[]): MaskwrightError {
  const [first] = skipped;
  const where = dataset.split === null ? dataset.name : `${dataset.name}, split ${dataset.split},`;
  return new MaskwrightError('INVALID_REQUEST', `${where} has nothing to evaluate.`, {
    hint: first
      ? `${skipped.length} entries cannot be used; the first: ${first.item}: ${first.reason}.`
      : `Splits: ${dataset.splits.join(', ') || 'none'}.`,
  });
}
