import type { Agreement, InsightMean, InsightShare, InsightSummary } from '../contract/insight';

/** The numbers as one long table, which every spreadsheet and data frame reads. */

type Cell = string | number | null;
const header = ['table', 'row', 'measure', 'value', 'n', 'low', 'high'] as const;

/** RFC 4180: CRLF, quotes where needed. Text that a spreadsheet would take for a formula gets a leading quote mark. */
export function insightCsv(summary: InsightSummary, agreement: Agreement | null): string {
  const rows: Cell[][] = [
    [...header],
    ...summaryRows(summary),
    ...(agreement ? agreementRows(agreement) : []),
  ];
  return rows.map((row) => `${row.map(written).join(',')}\r\n`).join('');
}

function written(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell === 'number') return String(cell);
  const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const meanRow = (
  table: string,
  row: string,
  measure: string,
  { mean, n, low, high }: InsightMean,
): Cell[] => [table, row, measure, mean, n, low, high];
const shareRow = (
  table: string,
  row: string,
  measure: string,
  { share, of, low, high }: InsightShare,
): Cell[] => [table, row, measure, share, of, low, high];
const countRows = (table: string, row: string, counts: Record<string, number>): Cell[][] =>
  Object.entries(counts).map(([measure, value]) => [table, row, measure, value, null, null, null]);

function summaryRows(summary: InsightSummary): Cell[][] {
  const { progress, episodes, time, turns, calls, proposals } = summary;
  return [
    ...countRows('images', '', progress.now),
    ...progress.days.flatMap(({ day, ...counts }) => countRows('days', day, counts)),
    ...countRows('episodes', '', episodes),
    meanRow('seconds an object', 'with the agent', 'person', time.together),
    meanRow('seconds an object', 'alone', 'person', time.alone),
    meanRow('seconds an object', 'with the agent', 'agent', time.agent),
    meanRow('seconds an object', 'drawn', 'person', time.drawn),
    ...countRows('seconds an object', 'not known', { episodes: time.unknown, drawn: time.drawnUnknown }),
    ...(['all', 'agent', 'person'] as const).map((who) =>
      meanRow('turns an object', who, 'turns', turns[who]),
    ),
    ...calls.flatMap(({ author, tool, all, undecided, ...shares }) => [
      ...countRows('calls', `${author} ${tool}`, { all, undecided }),
      ...(['accepted', 'corrected', 'rejected', 'invalid'] as const).map((fate) =>
        shareRow('calls', `${author} ${tool}`, fate, shares[fate]),
      ),
    ]),
    meanRow('proposals', '', 'iou', proposals.iou),
    shareRow('proposals', '', 'untouched', proposals.untouched),
    ...countRows('proposals', '', { without: proposals.without }),
    ...proposals.byDay.map(({ day, ...mean }) => meanRow('proposals by day', day, 'iou', mean)),
    ...proposals.byClass.map(({ name, ...mean }) => meanRow('proposals by class', name, 'iou', mean)),
    ...proposals.byPolicy.map(({ key, ...mean }) => meanRow('proposals by policy', key, 'iou', mean)),
  ];
}

function agreementRows({ total, classes, confusions }: Agreement): Cell[][] {
  const counted = ['gold', 'ours', 'matched', 'missed', 'extra', 'confused'] as const;
  const counts = (row: Record<(typeof counted)[number], number>): Record<string, number> =>
    Object.fromEntries(counted.map((key) => [key, row[key]]));
  return [
    ...countRows('agreement', 'all', counts(total)),
    shareRow('agreement', 'all', 'precision', total.precision),
    shareRow('agreement', 'all', 'recall', total.recall),
    meanRow('agreement', 'all', 'iou', total.iou),
    meanRow('agreement', 'all', 'boundary F', total.boundaryF),
    ...classes.flatMap((row) => [
      ...countRows('agreement by class', row.name, counts(row)),
      meanRow('agreement by class', row.name, 'iou', row.iou),
      meanRow('agreement by class', row.name, 'boundary F', row.boundaryF),
    ]),
    ...confusions.map(({ gold, ours, count }): Cell[] => ['confusions', gold, ours, count, null, null, null]),
  ];
}
