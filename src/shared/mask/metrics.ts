/** Pixel counts of one sample: prediction ∩ ground truth and prediction ∪ ground truth. */
export interface Overlap {
  intersection: number;
  union: number;
}

/**
 * How IoU is averaged over a data set. `lisa`: validate() of LISA's train_ds.py (Lai et al., 2023), with its
 * small constants. `segzero`: calculate_iou.py of Seg-Zero (Liu et al., 2025).
 */
export type Protocol = 'lisa' | 'segzero';
export const protocols: readonly Protocol[] = ['lisa', 'segzero'];

/** Dice coefficient 2·|A ∩ B| / (|A| + |B|) in 0..1; two empty masks agree: 1. */
export function dice({ intersection, union }: Overlap): number {
  // |A| + |B| = |A ∩ B| + |A ∪ B|
  return union === 0 ? 1 : (2 * intersection) / (intersection + union);
}

/**
 * IoU of one sample. Where both masks are empty, `lisa` counts 1 (nothing to find, nothing found) and
 * `segzero` 0.
 */
export function sampleIou(protocol: Protocol, { intersection, union }: Overlap): number {
  if (protocol === 'lisa') return intersection / (union + 1e-5) + (union === 0 ? 1 : 0);
  return union > 0 ? intersection / union : 0;
}

/** The mean of the samples' IoU from their sum; 0 without samples. */
export function gIoUOf(protocol: Protocol, ious: number, count: number): number {
  if (protocol === 'lisa') return ious / (count + 1e-5);
  return count > 0 ? ious / count : 0;
}

/** The sum of all intersections over the sum of all unions, which weighs samples by size; 0 where all unions are. */
export function cIoUOf(protocol: Protocol, intersections: number, unions: number): number {
  if (protocol === 'lisa') return intersections / (unions + 1e-10);
  return unions > 0 ? intersections / unions : 0;
}

/** Both means over a data set. */
export function summarize(protocol: Protocol, samples: readonly Overlap[]): { gIoU: number; cIoU: number } {
  let ious = 0;
  let intersections = 0;
  let unions = 0;
  for (const sample of samples) {
    ious += sampleIou(protocol, sample);
    intersections += sample.intersection;
    unions += sample.union;
  }
  return {
    gIoU: gIoUOf(protocol, ious, samples.length),
    cIoU: cIoUOf(protocol, intersections, unions),
  };
}
