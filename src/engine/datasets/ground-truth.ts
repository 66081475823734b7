import { MaskwrightError } from '@shared/contract/errors';
import type { Size } from '@shared/geometry/types';
import { createBitmap, subtractBitmaps } from '@shared/mask/bitmap';
import { decodeMask } from '@shared/mask/rle';
import type { GroundTruth } from '../environment/ground-truth';
import type { DatasetTarget } from './target';

/**
 * The ground truth of a target for the environment: an empty mask where there is nothing to find; null where it is not
 * known.
 *
 * @param image size in pixels
 * @throws MaskwrightError INVALID_REQUEST where the ground truth is of another size than the image
 */
export function groundTruthOf(target: DatasetTarget, image: Size): GroundTruth | null {
  const known = target.noTarget
    ? createBitmap(image.width, image.height)
    : target.groundTruth && decodeMask(target.groundTruth);
  if (!known) return null;
  const ignore = target.ignore && decodeMask(target.ignore);
  for (const mask of ignore ? [known, ignore] : [known]) {
    if (mask.width === image.width && mask.height === image.height) continue;
    throw new MaskwrightError(
      'INVALID_REQUEST',
      `The ground truth of ${target.key} is ${mask.width}×${mask.height} and its image ${image.width}×${image.height}.`,
      { hint: 'Use the images that the annotations were made on.' },
    );
  }
  return { mask: ignore ? subtractBitmaps(known, ignore) : known, ignore };
}
