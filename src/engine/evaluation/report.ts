import { type PublishedResult, publishedOn, publishedResults } from '@shared/evaluation/published';
import type { Sample } from '@shared/evaluation/sample';
import {
  iouHistogram,
  meanIouByTurn,
  partition,
  type Summary,
  summariseSamples,
} from '@shared/evaluation/summary';
import { applicationName, applicationVersion } from '../application';
import type { Skipped } from '../datasets';

/** What decides the results, in words for readers. */
export interface EvaluationSettings {
  policy: string;
  segmenter: string;
  coordinates: string;
  turns: number;
  seed: number;
}

/** report.json: the summary of all samples, and of parts of them. */
export interface EvaluationReport extends Summary {
  application: { name: string; version: string };
  dataset: { kind: string; name: string; split: string | null };
  settings: EvaluationSettings;
  splits: ({ split: string } & Summary)[];
  groups: ({ group: string } & Summary)[];
  /** Separate episodes with other turn budgets, and this one; in ascending order, empty without a sweep. */
  budgets: ({ budget: number } & Summary)[];
  /** Mean IoU after turn 1, 2, … */
  iou_by_turn: number[];
  /** Samples with an IoU in 0..0.05, 0.05..0.1, … */
  iou_histogram: number[];
  /** Entries of the data set that could not be evaluated; they are not among the samples. */
  skipped: Skipped[];
  /** In percent, from papers. Nothing of it was measured here. */
  published: { on: string; results: readonly PublishedResult[] };
}

export interface ReportInput {
  dataset: EvaluationReport['dataset'];
  settings: EvaluationSettings;
  samples: readonly Sample[];
  /** Samples by turn budget. */
  budgets: ReadonlyMap<number, readonly Sample[]>;
  skipped: readonly Skipped[];
}

export function evaluationReport(input: ReportInput): EvaluationReport {
  const { samples, settings, budgets } = input;
  const summary = (of: readonly Sample[]): Summary => summariseSamples(of, { seed: settings.seed });
  const splits = partition(samples, ({ split }) => (split === null ? [] : [split]));
  const groups = partition(samples, (sample) => sample.groups);
  return {
    ...summary(samples),
    application: { name: applicationName, version: applicationVersion },
    dataset: input.dataset,
    settings,
    splits: [...splits].map(([split, of]) => ({ split, ...summary(of) })),
    groups: [...groups].map(([group, of]) => ({ group, ...summary(of) })),
    budgets: [...budgets].sort(([a], [b]) => a - b).map(([budget, of]) => ({ budget, ...summary(of) })),
    iou_by_turn: meanIouByTurn(samples),
    iou_histogram: iouHistogram(samples),
    skipped: [...input.skipped],
    published: { on: publishedOn, results: publishedResults },
  };
}
