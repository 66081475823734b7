import { MaskwrightError } from '@shared/contract/errors';
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { decodeMask } from '@shared/mask/rle';
import { type DatasetTarget, openTargetImage } from '../datasets';
import { openImageBytes } from '../images/image-bytes';
import type { ImageSource } from '../segmenters/segmenter';

/** What an episode is about. */
export interface EnvironmentItem {
  image: ImageSource;
  query: string;
  /** Mask of the target, empty where nothing matches; null where it is not known. Never leaves the environment. */
  truth: Bitmap | null;
}

/** Most pixels of an image that a client sends along: every turn keeps a mask of its size. */
export const maxSentPixels = 16_000_000;

/** @throws MaskwrightError IMAGE_UNREADABLE; INVALID_REQUEST where the ground truth is of another size than the image */
export async function openTargetItem(target: DatasetTarget): Promise<EnvironmentItem> {
  const image = await openTargetImage(target);
  const truth = target.noTarget
    ? createBitmap(image.width, image.height)
    : target.groundTruth && decodeMask(target.groundTruth);
  if (truth && (truth.width !== image.width || truth.height !== image.height)) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      `The ground truth of ${target.key} is ${truth.width}×${truth.height} and its image ${image.width}×${image.height}.`,
      { hint: 'Use the images that the annotations were made on.' },
    );
  }
  return { image, query: target.query, truth };
}

/** An image that the client sent. @throws MaskwrightError IMAGE_UNREADABLE */
export async function openSentItem(base64: string, query: string): Promise<EnvironmentItem> {
  return { image: await openImageBytes(Buffer.from(base64, 'base64'), maxSentPixels), query, truth: null };
}
