import { type DatasetTarget, openDataset, parseDatasetSpec, type Skipped } from '@engine/datasets';
import { rleArea } from '@shared/mask/rle';
import { exitCodes } from './exit-codes';
import { stopOnSignal } from './interrupt';

interface DatasetsOptions {
  split?: string;
  images?: string;
  instances?: string;
  splitBy?: string;
  sentences?: 'first' | 'all';
  queries?: string;
  limit?: number;
  show: number;
  json?: boolean;
}

interface DatasetSummary {
  name: string;
  splits: readonly string[];
  n: number;
  images: number;
  /** Targets without ground truth, and those that say that there is nothing to find. */
  without_truth: number;
  no_target: number;
  /** Targets of which some pixels do not count. */
  with_ignore: number;
  by_split: Record<string, number>;
  by_group: Record<string, number>;
  skipped: Skipped[];
  targets: ReturnType<typeof shown>[];
}

/** Reads a data set as every other command does and says what is in it and what cannot be used. */
export async function datasetsCommand(text: string, options: DatasetsOptions): Promise<void> {
  const stop = stopOnSignal('Stopping.');
  try {
    const summary = await summarise(text, options, stop.signal);
    if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
    else process.stdout.write(textOf(summary));
    process.exitCode = summary.skipped.length > 0 ? exitCodes.itemsFailed : exitCodes.ok;
  } finally {
    stop.dispose();
  }
}

async function summarise(
  text: string,
  options: DatasetsOptions,
  signal: AbortSignal,
): Promise<DatasetSummary> {
  const dataset = await openDataset(parseDatasetSpec(text), options);
  const images = new Set<string>();
  const bySplit = new Map<string, number>();
  const byGroup = new Map<string, number>();
  const skipped: Skipped[] = [];
  const targets: DatasetSummary['targets'] = [];
  let [n, withoutTruth, noTarget, withIgnore] = [0, 0, 0, 0];
  for await (const target of dataset.targets({ signal, onSkip: (entry) => skipped.push(entry) })) {
    n += 1;
    images.add(target.imagePath ?? target.fileName);
    if (target.noTarget) noTarget += 1;
    else if (target.groundTruth === null) withoutTruth += 1;
    if (target.ignore !== null) withIgnore += 1;
    if (target.split !== null) bySplit.set(target.split, (bySplit.get(target.split) ?? 0) + 1);
    for (const group of target.groups) byGroup.set(group, (byGroup.get(group) ?? 0) + 1);
    if (targets.length < options.show) targets.push(shown(target));
  }
  return {
    name: dataset.name,
    splits: dataset.splits,
    n,
    images: images.size,
    without_truth: withoutTruth,
    no_target: noTarget,
    with_ignore: withIgnore,
    by_split: Object.fromEntries(bySplit),
    by_group: Object.fromEntries(byGroup),
    skipped,
    targets,
  };
}

function shown({ key, fileName, query, groundTruth, ignore, noTarget }: DatasetTarget) {
  return {
    key,
    image: fileName,
    query,
    area: noTarget ? 0 : groundTruth && rleArea(groundTruth),
    ignore_area: ignore === null ? 0 : rleArea(ignore),
  };
}

/** Reasons that are listed in words. */
const mostReasons = 20;

function textOf(summary: DatasetSummary): string {
  const counts = (entries: Record<string, number>): string =>
    Object.entries(entries)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ');
  const lines = [
    `${summary.name}: ${summary.n} targets on ${summary.images} images`,
    `splits: ${summary.splits.join(', ') || 'none'}${summary.n > 0 && summary.splits.length > 0 ? ` (${counts(summary.by_split)})` : ''}`,
    ...(Object.keys(summary.by_group).length > 0 ? [`groups: ${counts(summary.by_group)}`] : []),
    `nothing to find: ${summary.no_target}, without ground truth: ${summary.without_truth}, with pixels that do not count: ${summary.with_ignore}`,
    ...summary.targets.map(
      ({ key, image, query, area }) => `  ${key}  ${image}  “${query}”${area === null ? '' : `  ${area} px`}`,
    ),
    `skipped: ${summary.skipped.length}`,
    ...summary.skipped.slice(0, mostReasons).map(({ item, reason }) => `  ${item}: ${reason}`),
    ...(summary.skipped.length > mostReasons ? ['  … (--json lists all of them)'] : []),
  ];
  return `${lines.join('\n')}\n`;
}
