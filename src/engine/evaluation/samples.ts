import type { Counted, CountedByProtocol, Overlaps, Sample } from '@shared/evaluation/sample';
import { sampleIou } from '@shared/mask/metrics';
import type { ItemSummary } from '../batch/progress-log';
import type { Dataset, DatasetTarget, Skipped } from '../datasets';
import { areasOf } from './scores';

/** A target without its masks: what a sample is made of beside its result. Many are held at once. */
export interface TargetRow {
  key: string;
  fileName: string;
  query: string;
  split: string | null;
  groups: readonly string[];
  /** Pixels; ignored ones are not in `gtArea`. */
  gtArea: number;
  ignoreArea: number;
  /** False for further sentences of a referent, of which `segzero` counts the first. */
  isFirstSentence: boolean;
}

/**
 * Reads a data set once for what its samples are called. Targets without ground truth are told to `onSkip`.
 *
 * @param each is given every target that can be evaluated, whose masks are not kept
 */
export async function readTargetRows(
  dataset: Dataset,
  options: {
    onSkip: (skipped: Skipped) => void;
    each?: (target: DatasetTarget) => void;
    signal?: AbortSignal;
  },
): Promise<TargetRow[]> {
  const rows: TargetRow[] = [];
  const entries = new Set<string>();
  for await (const target of dataset.targets({ onSkip: options.onSkip, signal: options.signal })) {
    const areas = areasOf(target);
    if (!areas) {
      options.onSkip({ item: target.key, reason: 'it has no ground truth' });
      continue;
    }
    options.each?.(target);
    const { key, fileName, query, split, groups, entry } = target;
    const isFirstSentence = entry === null || !entries.has(entry);
    if (entry !== null) entries.add(entry);
    rows.push({ key, fileName, query, split, groups, ...areas, isFirstSentence });
  }
  return rows;
}

/** A sample as the protocols count it. What failed found nothing: I = 0, U = the ground truth's area, IoU 0. */
export function sampleOf(row: TargetRow, result: ItemSummary): Sample {
  const base = {
    id: row.key,
    image: row.fileName,
    query: row.query,
    split: row.split,
    groups: [...row.groups],
    gt_area: row.gtArea,
    ignore_area: row.ignoreArea,
  };
  if (!result.ok || !result.scores) {
    const missed = failed(row);
    return {
      ...base,
      error: result.ok ? 'It was not measured.' : `${result.code}: ${result.message}`,
      status: null,
      iou: 0,
      intersection: 0,
      union: missed.lisa.union,
      dice: 0,
      boundary_f: 0,
      protocols: missed,
      one_shot: missed,
      iou_by_turn: [],
      turns: 0,
      invalid_calls: 0,
      ms: 0,
      tokens: null,
    };
  }
  const { final, first, dice, boundaryF, byTurn } = result.scores;
  const { intersection, union } = final.lisa;
  return {
    ...base,
    error: null,
    status: result.status,
    iou: union === 0 ? 1 : intersection / union,
    intersection,
    union,
    dice,
    boundary_f: boundaryF,
    protocols: counted(final, row),
    one_shot: counted(first, row),
    iou_by_turn: byTurn,
    turns: result.turns,
    invalid_calls: result.invalidCalls,
    ms: result.ms,
    tokens: result.tokens,
  };
}

function counted(overlaps: Overlaps, row: TargetRow): CountedByProtocol {
  const of = (protocol: keyof Overlaps): Counted => ({
    ...overlaps[protocol],
    iou: sampleIou(protocol, overlaps[protocol]),
  });
  return { lisa: of('lisa'), segzero: row.isFirstSentence ? of('segzero') : null };
}

function failed({ gtArea, ignoreArea, isFirstSentence }: TargetRow): CountedByProtocol {
  return {
    lisa: { intersection: 0, union: gtArea, iou: 0 },
    segzero: isFirstSentence ? { intersection: 0, union: gtArea + ignoreArea, iou: 0 } : null,
  };
}
