import {
  type Bitmap,
  bitmapArea,
  bitmapIntersectionUnion,
  subtractBitmaps,
  unionBitmaps,
} from '@shared/mask/bitmap';
import { type EnvironmentState, submittedMasks } from './state';

/** What the query really names. Both masks are of the image's size and share no pixel. */
export interface GroundTruth {
  /** Empty when nothing matches. */
  mask: Bitmap;
  /** Pixels that do not count, for an answer nor against it; null: all count. */
  ignore: Bitmap | null;
}

/** Pixels of intersection and union of the state's answer with the ground truth, without the ignored ones. */
export function overlapOfState(
  state: EnvironmentState,
  groundTruth: GroundTruth,
): { intersection: number; union: number } {
  return overlap(submittedMasks(state), groundTruth);
}

/** IoU of the state's answer with the ground truth, ignored pixels left out; 1 when both are empty. */
export function iouOfState(state: EnvironmentState, groundTruth: GroundTruth): number {
  const { intersection, union } = overlapOfState(state, groundTruth);
  return union === 0 ? 1 : intersection / union;
}

/** Overlap in pixels of the union of some masks with the ground truth, without the ignored ones; all of the same size. */
export function overlap(
  masks: readonly Bitmap[],
  truth: GroundTruth,
): { intersection: number; union: number } {
  const [first, ...rest] = masks;
  if (!first) return { intersection: 0, union: bitmapArea(truth.mask) };
  return bitmapIntersectionUnion(counted(rest.reduce(unionBitmaps, first), truth), truth.mask);
}

/** The pixels of a mask that count. */
export function counted(mask: Bitmap, { ignore }: GroundTruth): Bitmap {
  return ignore ? subtractBitmaps(mask, ignore) : mask;
}
