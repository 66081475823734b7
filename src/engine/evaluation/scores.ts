import type { Overlaps, Scores } from '@shared/evaluation/sample';
import { boundaryF } from '@shared/mask/boundary';
import { dice } from '@shared/mask/metrics';
import {
  cropRle,
  decodeMask,
  emptyRle,
  mergeRles,
  type Rle,
  rleArea,
  rleBox,
  rleIntersectionUnion,
  subtractRle,
} from '@shared/mask/rle';
import type { Observation, Trajectory } from '@shared/trajectory/schema';
import { acceptedPath } from '@shared/trajectory/tree';
import { masksAfterFirstSegmentation } from '../batch/annotate';
import type { DatasetTarget } from '../datasets';

/** Of the image's diagonal: within this an outline counts as met (DAVIS). */
const boundaryTolerance = 0.008;

/**
 * The ground truth of a target by protocol, each of the whole image; null where the target has none. `lisa` leaves
 * ignored pixels out, `segzero` has them in its ground truth.
 */
export interface Truth {
  ignore: Rle | null;
  lisa: Rle;
  segzero: Rle;
}

/** @param size height and width of the image in pixels, for a target whose answer is that there is nothing */
export function truthOf(target: DatasetTarget, size?: readonly [number, number]): Truth | null {
  const { ignore } = target;
  const known = target.groundTruth?.size ?? ignore?.size ?? size;
  const mask = target.noTarget ? known && emptyRle(known) : target.groundTruth;
  if (!mask) return null;
  if (!ignore) return { ignore, lisa: mask, segzero: mask };
  return { ignore, lisa: subtractRle(mask, ignore), segzero: mergeRles([mask, ignore], 'union') };
}

/** Pixels of a target's ground truth and of its ignored region; null without ground truth. */
export function areasOf(target: DatasetTarget): { gtArea: number; ignoreArea: number } | null {
  const ignoreArea = target.ignore ? rleArea(target.ignore) : 0;
  if (target.noTarget) return { gtArea: 0, ignoreArea };
  const truth = truthOf(target);
  return truth && { gtArea: rleArea(truth.lisa), ignoreArea };
}

/** Measures a finished episode. Null without ground truth. */
export function scoresOf(target: DatasetTarget, trajectory: Trajectory): Scores | null {
  const { width, height } = trajectory.header.image;
  const truth = truthOf(target, [height, width]);
  if (!truth) return null;
  const answerOf = (masks: readonly Rle[]): Rle =>
    masks.length === 0 ? emptyRle([height, width]) : mergeRles(masks, 'union');
  const answer = answerOf(trajectory.outcome.masks);
  const final = overlapsOf(answer, truth);
  return {
    final,
    first: overlapsOf(answerOf(masksAfterFirstSegmentation(trajectory)), truth),
    dice: dice(final.lisa),
    boundaryF: croppedBoundaryF(truth.ignore ? subtractRle(answer, truth.ignore) : answer, truth.lisa),
    byTurn: iouByTurn(trajectory, truth, answerOf),
  };
}

function overlapsOf(answer: Rle, truth: Truth): Overlaps {
  const counted = truth.ignore ? subtractRle(answer, truth.ignore) : answer;
  return {
    lisa: rleIntersectionUnion(counted, truth.lisa),
    segzero: rleIntersectionUnion(answer, truth.segzero),
  };
}

/** I / U; 1 where both masks are empty. */
function plainIou({ intersection, union }: { intersection: number; union: number }): number {
  return union === 0 ? 1 : intersection / union;
}

function iouByTurn(trajectory: Trajectory, truth: Truth, answerOf: (masks: readonly Rle[]) => Rle): number[] {
  const known = new Map<string, number>();
  const iouOf = (masks: readonly Rle[]): number => {
    const key = masks.map(({ counts }) => counts).join('|');
    const iou = known.get(key) ?? plainIou(overlapsOf(answerOf(masks), truth).lisa);
    known.set(key, iou);
    return iou;
  };
  return acceptedPath(trajectory).map(({ ended, observation }) =>
    ended === null ? iouOf(masksOf(observation)) : iouOf(trajectory.outcome.masks),
  );
}

function masksOf(observation: Observation | null): Rle[] {
  return (observation?.objects ?? []).flatMap(({ mask }) => mask ?? []);
}

/** As `boundaryF` over the whole image, of which only the part with masks is looked at. */
export function croppedBoundaryF(answer: Rle, truth: Rle): number {
  const box = rleBox(mergeRles([answer, truth], 'union'));
  if (!box) return 1;
  const [height, width] = truth.size;
  // An outline's pixels are up to one pixel outside of a mask, and are told by the pixel after them.
  const around = { x1: box.x1 - 2, y1: box.y1 - 2, x2: box.x2 + 2, y2: box.y2 + 2 };
  const radius = Math.ceil(boundaryTolerance * Math.hypot(width, height));
  return boundaryF(decodeMask(cropRle(answer, around)), decodeMask(cropRle(truth, around)), radius);
}
