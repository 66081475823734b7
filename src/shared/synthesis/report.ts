import {
  type Dropped,
  type DropReason,
  dropReasons,
  type EpisodeSummary,
  type FilterOptions,
  toolSet,
} from './filters';
import type { ThoughtSource } from './thought-source';

interface Example {
  key: string;
  image: string;
  query: string;
  detail: string;
}

export interface SynthesisReport {
  /** Episodes that were to be made: targets times episodes a target. */
  n: number;
  made: number;
  kept: number;
  /** Entries of the data set that could not be used; they are not among the episodes. */
  skipped: { item: string; reason: string }[];
  dropped: Record<DropReason, { n: number; examples: Example[] }>;
  filters: FilterOptions;
  /** Of the episodes that were made and of those that were kept. */
  tools: { name: string; made: number; kept: number }[];
  tool_sets: { name: string; made: number; kept: number }[];
  lengths: { turns: number; made: number; kept: number }[];
  /** Mean IoU after each turn, over the kept episodes that had that many; the last value of shorter ones goes on in `carried`. */
  iou_by_turn: { turn: number; n: number; mean: number; carried: number }[];
  /** Over the kept episodes. */
  mean_turns: number;
  mean_iou: number | null;
  mean_reward: number | null;
  turns: number;
  turns_under_loss: number;
  /** Of the turns under loss those that lowered the IoU: none, or there is a fault in here. */
  lowered_under_loss: number;
  thoughts: Record<ThoughtSource, number>;
}

/** Examples of each reason. */
const examplesShown = 3;

export function synthesisReport(input: {
  n: number;
  made: readonly EpisodeSummary[];
  kept: readonly EpisodeSummary[];
  dropped: readonly Dropped[];
  skipped: readonly { item: string; reason: string }[];
  filters: FilterOptions;
  thoughts: Record<ThoughtSource, number>;
  /** Image and query of those that have no summary. */
  named: (key: string) => { image: string; query: string };
}): SynthesisReport {
  const { made, kept, dropped } = input;
  const dropsOf = (reason: DropReason): { n: number; examples: Example[] } => {
    const all = dropped.filter((one) => one.reason === reason);
    const examples = all
      .slice(0, examplesShown)
      .map(({ key, detail }) => ({ key, ...input.named(key), detail }));
    return { n: all.length, examples };
  };
  const finals = kept.flatMap(({ finalIou }) => finalIou ?? []);
  const rewards = kept.flatMap(({ reward }) => reward ?? []);
  const turns = sum(kept.map(({ calls }) => calls.length));
  return {
    n: input.n,
    made: made.length,
    kept: kept.length,
    skipped: [...input.skipped],
    dropped: {
      failed: dropsOf('failed'),
      low_iou: dropsOf('low_iou'),
      truncated: dropsOf('truncated'),
      invalid_calls: dropsOf('invalid_calls'),
      low_gain: dropsOf('low_gain'),
      nothing_to_learn: dropsOf('nothing_to_learn'),
      duplicate: dropsOf('duplicate'),
      tools_quota: dropsOf('tools_quota'),
      length_quota: dropsOf('length_quota'),
    },
    filters: input.filters,
    tools: histogram(made, kept, ({ tools }) => tools),
    tool_sets: histogram(made, kept, (episode) => [toolSet(episode)]),
    lengths: histogram(made, kept, ({ calls }) => [String(calls.length)])
      .map(({ name, ...counts }) => ({ turns: Number(name), ...counts }))
      .sort((a, b) => a.turns - b.turns),
    iou_by_turn: iouByTurn(kept),
    mean_turns: kept.length === 0 ? 0 : turns / kept.length,
    mean_iou: mean(finals),
    mean_reward: mean(rewards),
    turns,
    turns_under_loss: sum(kept.map(({ underLoss }) => underLoss)),
    lowered_under_loss: sum(kept.map(({ loweredUnderLoss }) => loweredUnderLoss)),
    thoughts: input.thoughts,
  };
}

function histogram(
  made: readonly EpisodeSummary[],
  kept: readonly EpisodeSummary[],
  namesOf: (episode: EpisodeSummary) => string[],
): { name: string; made: number; kept: number }[] {
  const counts = new Map<string, { made: number; kept: number }>();
  const add = (episodes: readonly EpisodeSummary[], where: 'made' | 'kept'): void => {
    for (const name of episodes.flatMap(namesOf)) {
      const count = counts.get(name) ?? { made: 0, kept: 0 };
      count[where] += 1;
      counts.set(name, count);
    }
  };
  add(made, 'made');
  add(kept, 'kept');
  return [...counts].map(([name, count]) => ({ name, ...count })).sort((a, b) => b.made - a.made);
}

function iouByTurn(kept: readonly EpisodeSummary[]): SynthesisReport['iou_by_turn'] {
  const judged = kept.filter(({ finalIou }) => finalIou !== null);
  const longest = Math.max(0, ...judged.map(({ ious }) => ious.length));
  return Array.from({ length: longest }, (_, index) => {
    const here = judged.flatMap(({ ious }) => ious[index] ?? []);
    const carried = judged.flatMap(({ ious }) => ious[Math.min(index, ious.length - 1)] ?? []);
    return { turn: index + 1, n: here.length, mean: mean(here) ?? 0, carried: mean(carried) ?? 0 };
  });
}

/** The report as a table for people: one fact a line. */
export function reportTable(report: SynthesisReport): string {
  const percent = (part: number, whole: number): string =>
    whole === 0 ? '–' : `${((100 * part) / whole).toFixed(1)} %`;
  const number = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
  const lines = [
    `made ${report.made} of ${report.n}, kept ${report.kept} (${percent(report.kept, report.made)}), skipped ${report.skipped.length}`,
    `mean of the kept: IoU ${number(report.mean_iou)}, turns ${report.mean_turns.toFixed(2)}, reward ${number(report.mean_reward)}`,
    `turns ${report.turns}, under loss ${report.turns_under_loss} (${percent(report.turns_under_loss, report.turns)}), of those lowered the IoU ${report.lowered_under_loss}`,
  ];
  const reasons = dropReasons.filter((reason) => report.dropped[reason].n > 0);
  for (const reason of reasons) {
    const { n, examples } = report.dropped[reason];
    const [example] = examples;
    lines.push(`dropped ${reason}: ${n}${example ? ` (such as ${example.key}: ${example.detail})` : ''}`);
  }
  lines.push(`tools (made/kept): ${report.tools.map((t) => `${t.name} ${t.made}/${t.kept}`).join(', ')}`);
  lines.push(`turns (made/kept): ${report.lengths.map((t) => `${t.turns}: ${t.made}/${t.kept}`).join(', ')}`);
  lines.push(
    `mean IoU by turn: ${report.iou_by_turn.map((t) => `${t.turn}: ${t.mean.toFixed(3)} (n ${t.n})`).join(', ')}`,
  );
  const { template, own, teacher, fallback } = report.thoughts;
  lines.push(`thoughts: ${template} template, ${own} policy's own, ${teacher} teacher, ${fallback} refused`);
  return lines.join('\n');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : sum(values) / values.length;
}
