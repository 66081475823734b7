import { type DatasetTarget, groundTruthOf, openTargetImage } from '../datasets';
import type { GroundTruth } from '../environment/ground-truth';
import { openImageBytes } from '../images/image-bytes';
import type { ImageSource } from '../segmenters/segmenter';

/** What an episode is about. */
export interface EnvironmentItem {
  image: ImageSource;
  query: string;
  /** Null where it is not known. Never leaves the environment. */
  truth: GroundTruth | null;
}

/** Most pixels of an image that a client sends along: every turn keeps a mask of its size. */
export const maxSentPixels = 16_000_000;

/** @throws MaskwrightError IMAGE_UNREADABLE; INVALID_REQUEST where the ground truth is of another size than the image */
export async function openTargetItem(target: DatasetTarget): Promise<EnvironmentItem> {
  const image = await openTargetImage(target);
  return { image, query: target.query, truth: groundTruthOf(target, image) };
}

/** An image that the client sent. @throws MaskwrightError IMAGE_UNREADABLE */
export async function openSentItem(base64: string, query: string): Promise<EnvironmentItem> {
  return { image: await openImageBytes(Buffer.from(base64, 'base64'), maxSentPixels), query, truth: null };
}
