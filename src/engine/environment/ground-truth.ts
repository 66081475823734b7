import { type Bitmap, bitmapArea, bitmapIntersectionUnion, unionBitmaps } from '@shared/mask/bitmap';
import { type EnvironmentState, submittedMasks } from './state';

/** What the query really names: one mask of the image's size, empty when nothing matches. */
export interface GroundTruth {
  mask: Bitmap;
}

/** Pixels of intersection and union of the state's answer with the ground truth. */
export function overlapOfState(
  state: EnvironmentState,
  groundTruth: GroundTruth,
): { intersection: number; union: number } {
  return overlap(submittedMasks(state), groundTruth.mask);
}

/** IoU of the state's answer with the ground truth; 1 when both are empty. */
export function iouOfState(state: EnvironmentState, groundTruth: GroundTruth): number {
  const { intersection, union } = overlapOfState(state, groundTruth);
  return union === 0 ? 1 : intersection / union;
}

/** Overlap in pixels of the union of some masks with one mask, all of the same size. */
export function overlap(masks: readonly Bitmap[], truth: Bitmap): { intersection: number; union: number } {
  const [first, ...rest] = masks;
  if (!first) return { intersection: 0, union: bitmapArea(truth) };
  return bitmapIntersectionUnion(rest.reduce(unionBitmaps, first), truth);
}
