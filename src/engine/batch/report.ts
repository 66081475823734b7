import type { Skipped } from '../datasets';
import type { ItemSummary } from './progress-log';

/** One row of a report. `iou` is I / U, 1 when both are empty; null without ground truth. */
export interface ReportItem {
  key: string;
  image: string;
  query: string;
  ok: boolean;
  error: string | null;
  status: string | null;
  iou: number | null;
  iou_first: number | null;
  intersection: number | null;
  union: number | null;
  turns: number;
  invalid_calls: number;
}

export interface Report {
  /** Items asked for, failed ones included. */
  n: number;
  failed: number;
  /** Mean IoU and summed intersection over summed union; a failed item counts as a miss. Null without ground truth. */
  gIoU: number | null;
  cIoU: number | null;
  /** Mean IoU after the first segmentation call of each item. */
  gIoU_first: number | null;
  /** Sums over all items. */
  turns: number;
  invalid_calls: number;
  mean_turns: number;
  /** Entries of the input that could not be used; they are not among the items. */
  skipped: Skipped[];
  per_item: ReportItem[];
}

export function reportOf(
  items: ReadonlyArray<{ key: string; fileName: string; query: string }>,
  results: ReadonlyMap<string, ItemSummary>,
  skipped: readonly Skipped[],
): Report {
  const perItem = items.flatMap((item) => {
    const result = results.get(item.key);
    return result ? [row(item, result)] : [];
  });
  const judged = perItem.filter((item) => item.iou !== null);
  const turns = sum(perItem.map((item) => item.turns));
  const unions = sum(judged.map((item) => item.union ?? 0));
  return {
    n: perItem.length,
    failed: perItem.filter((item) => !item.ok).length,
    gIoU: judged.length === 0 ? null : sum(judged.map((item) => item.iou ?? 0)) / judged.length,
    cIoU:
      judged.length === 0 || unions === 0 ? null : sum(judged.map((item) => item.intersection ?? 0)) / unions,
    gIoU_first: judged.length === 0 ? null : sum(judged.map((item) => item.iou_first ?? 0)) / judged.length,
    turns,
    invalid_calls: sum(perItem.map((item) => item.invalid_calls)),
    mean_turns: perItem.length === 0 ? 0 : turns / perItem.length,
    skipped: [...skipped],
    per_item: perItem,
  };
}

function row(item: { key: string; fileName: string; query: string }, result: ItemSummary): ReportItem {
  const base = { key: item.key, image: item.fileName, query: item.query };
  if (!result.ok) {
    const missed = result.truthArea;
    return {
      ...base,
      ok: false,
      error: `${result.code}: ${result.message}`,
      status: null,
      iou: missed === null ? null : 0,
      iou_first: missed === null ? null : 0,
      intersection: missed === null ? null : 0,
      union: missed,
      turns: 0,
      invalid_calls: 0,
    };
  }
  const { overlap, overlapFirst } = result;
  return {
    ...base,
    ok: true,
    error: null,
    status: result.status,
    iou: overlap && iouOf(overlap),
    iou_first: overlapFirst && iouOf(overlapFirst),
    intersection: overlap?.intersection ?? null,
    union: overlap?.union ?? null,
    turns: result.turns,
    invalid_calls: result.invalidCalls,
  };
}

function iouOf({ intersection, union }: { intersection: number; union: number }): number {
  return union === 0 ? 1 : intersection / union;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
