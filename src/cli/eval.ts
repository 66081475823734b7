import { join } from 'node:path';
import { type DatasetSpec, openDataset, parseDatasetSpec } from '@engine/datasets';
import type { Shard } from '@engine/datasets/shard';
import { metricName } from '@engine/evaluation/compare-page';
import {
  type EvaluationOptions,
  evaluate,
  pageFile,
  reportFile,
  samplesFile,
} from '@engine/evaluation/evaluate';
import type { EvaluationReport } from '@engine/evaluation/report';
import { withFolderLock } from '@engine/folder-lock';
import { type Ablation, ablated, ablationText } from '@engine/policies/ablation';
import { openSegmenter } from '@engine/segmenters/open-segmenter';
import { parsePolicySpec, parseSegmenterSpec } from '@engine/setup/specs';
import type { Interval } from '@shared/evaluation/bootstrap';
import { protocols } from '@shared/mask/metrics';
import type { ToolName } from '@shared/tools/definitions';
import { exitCodes } from './exit-codes';
import { conventionsFingerprint, policyFingerprint, segmenterFingerprint, TargetsSum } from './fingerprint';
import { stopOnSignal } from './interrupt';
import { askedConventions, type ConventionOptions } from './options/conventions';
import { cacheDir, outDir, resourcesDir } from './paths';
import { policyFactory } from './policy-factory';
import { ProgressDisplay } from './progress-display';

interface EvalOptions extends ConventionOptions {
  dataset: string;
  split?: string;
  images?: string;
  instances?: string;
  queries?: string;
  splitBy?: string;
  sentences: 'first' | 'all';
  policy: string;
  segmenter: string;
  turns: number;
  sweep?: number[];
  without: ToolName[];
  blind?: boolean;
  concurrency: number;
  seed: number;
  limit?: number;
  cases: number;
  shard?: Shard;
  keepFailed?: boolean;
  out: string;
  json?: boolean;
}

export async function evalCommand(options: EvalOptions): Promise<void> {
  const spec = parseDatasetSpec(options.dataset);
  const policySpec = parsePolicySpec(options.policy, resourcesDir);
  const segmenterSpec = parseSegmenterSpec(options.segmenter, resourcesDir);
  const dataset = await openDataset(spec, datasetOptions(options));
  const policies = await policyFactory(policySpec, askedConventions(options), outDir);
  const ablation: Ablation = { without: options.without, blind: options.blind ?? false };
  const segmenter = await openSegmenter({
    ...segmenterSpec,
    threadFile: join(outDir, 'segmenter-thread.js'),
    cacheDir: join(cacheDir(), 'embeddings'),
  });
  const stop = stopOnSignal();
  let display: ProgressDisplay | null = null;
  try {
    const settings: EvaluationOptions = {
      segmenter,
      policyFor: (...item) => ablated(policies.policyFor(...item), ablation),
      conventions: policies.conventions,
      turnBudget: options.turns,
      sweep: options.sweep ?? [],
      concurrency: options.concurrency,
      seed: options.seed,
      cases: options.cases,
      shard: options.shard,
      keepFailed: options.keepFailed,
      signal: stop.signal,
      settings: {
        policy: `${options.policy}${ablationText(ablation)}`,
        segmenter: segmenter.identity.name,
        coordinates: policies.conventions.coordinates,
        turns: options.turns,
        seed: options.seed,
      },
      fingerprint: {
        policy: await policyFingerprint(policySpec),
        ...conventionsFingerprint(policies.conventions),
        segmenter: await segmenterFingerprint(segmenterSpec),
        ...(ablationText(ablation) !== '' && { ablation }),
      },
      targetsSum: new TargetsSum(),
      onStart: (total, done) => {
        display = new ProgressDisplay(total);
        display.start(done);
      },
      onItem: (problem) => display?.step(problem),
    };
    const report = await withFolderLock(options.out, () => evaluate(dataset, options.out, settings));
    stopDisplay(display);
    tell(options, spec, report);
  } finally {
    stopDisplay(display);
    stop.dispose();
    await segmenter.close();
    await policies.close();
  }
}

function datasetOptions(options: EvalOptions): Parameters<typeof openDataset>[1] {
  const { split, images, instances, queries, splitBy, sentences, limit } = options;
  return { split, images, instances, queries, splitBy, sentences, limit };
}

/** Assigned in a callback, which the compiler does not follow. */
function stopDisplay(display: ProgressDisplay | null): void {
  display?.stop();
}

function tell(options: EvalOptions, spec: DatasetSpec, report: EvaluationReport): void {
  for (const { item, reason } of report.skipped) process.stderr.write(`skipped ${item}: ${reason}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else process.stderr.write(summaryText(options, spec, report));
  process.exitCode = report.failed > 0 || report.skipped.length > 0 ? exitCodes.itemsFailed : exitCodes.ok;
}

function summaryText(options: EvalOptions, spec: DatasetSpec, report: EvaluationReport): string {
  const lines = [
    `${spec.kind}: ${report.n} samples, ${report.failed} failed, ${report.skipped.length} skipped`,
  ];
  for (const protocol of protocols) {
    const { gIoU, cIoU } = report.protocols[protocol];
    lines.push(`${metricName(`protocols.${protocol}.gIoU`)} ${range(gIoU)}  cIoU ${range(cIoU)}`);
  }
  for (const { budget, protocols: of } of report.budgets) {
    lines.push(
      `${String(budget).padStart(4)} turns: gIoU lisa ${range(of.lisa.gIoU)}  segzero ${range(of.segzero.gIoU)}`,
    );
  }
  lines.push(`${options.out}: ${reportFile}, ${samplesFile}, ${pageFile}`);
  return `${lines.join('\n')}\n`;
}

function range({ value, low, high }: Interval): string {
  if (value === null || low === null || high === null) return '–';
  const percent = (share: number): string => (share * 100).toFixed(1);
  return `${percent(value)} (${percent(low)}–${percent(high)})`;
}
