import type { Interval } from '@shared/evaluation/bootstrap';
import { escapeXml } from '@shared/evaluation/charts';
import type { Comparison } from '@shared/evaluation/compare';
import { type MetricId, metrics } from '@shared/evaluation/metrics';
import { differenceCell, markup, page, percent, percentCell, section, signed, table } from './page';

export interface ComparePageInput {
  /** What the runs are called. */
  a: string;
  b: string;
  valuesA: ReadonlyMap<MetricId, Interval>;
  valuesB: ReadonlyMap<MetricId, Interval>;
  comparison: Comparison;
  warnings: readonly string[];
}

/** What a metric is called in tables. */
export function metricName(id: MetricId): string {
  const [first, ...rest] = id.split('.');
  switch (first) {
    case 'protocols':
      return `${rest[1]}, ${rest[0]}`;
    case 'one_shot':
      return `${rest[1]} one shot, ${rest[0]}`;
    case 'precision':
      return `IoU at least ${rest.join('.')}`;
    case 'dice':
      return 'Dice';
    default:
      return 'Boundary F';
  }
}

/** Two runs side by side as one self-contained page. */
export function comparePage({ a, b, valuesA, valuesB, comparison, warnings }: ComparePageInput): string {
  const { n, better, worse, same, differences, largest } = comparison;
  const missing: Interval = { value: null, low: null, high: null };
  const rows = metrics.map(({ id }) => [
    metricName(id),
    percentCell(valuesA.get(id) ?? missing),
    percentCell(valuesB.get(id) ?? missing),
    differenceCell(differences.get(id) ?? missing),
  ]);
  const counts = [
    ['Samples', n],
    ['B better', better],
    ['B worse', worse],
    ['Same', same],
  ].map(([name, count]) => `<div class="tile"><dt>${name}</dt><dd>${count}</dd></div>`);
  const told = warnings.map((warning) => `<p role="note"><strong>${escapeXml(warning)}</strong></p>`);
  return page(
    'Two evaluations compared',
    markup(`<p>A ${escapeXml(a)} · B ${escapeXml(b)}</p>${told.join('')}`),
    [
      `<dl class="tiles">${counts.join('')}</dl>`,
      section(
        'B against A',
        table('B against A', ['Metric', 'A', 'B', 'B − A'], rows),
        'Percent, and percentage points for the difference. Below each: the 95 % bootstrap interval; that of the difference is drawn by pairs, so it is coloured where the runs differ beyond chance.',
      ),
      largest.length === 0
        ? ''
        : section(
            'Largest differences',
            table(
              'Largest differences',
              ['Query', 'Image', 'IoU of A', 'IoU of B', 'B − A'],
              largest.map((pair) => [
                pair.query,
                pair.image,
                percent(pair.iou_a),
                percent(pair.iou_b),
                signed(pair.iou_b - pair.iou_a),
              ]),
              2,
            ),
          ),
    ],
  );
}
