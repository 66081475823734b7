import { createHash } from 'node:crypto';
import sharp from 'sharp';
import type { ImageSource, RgbImage } from '../segmenters/segmenter';
import { asUnreadable, decodeImage, unreadableImage } from './decode-image';
import { imageMimes } from './image-file';

/**
 * An encoded image that came over a wire, as a segmenter's source. The same bytes as a file's have the same hash, so
 * both share an embedding. It is decoded once here, so that a broken one is refused, and again when nobody holds the
 * pixels any more.
 *
 * @param limit most pixels that are accepted
 * @throws MaskwrightError IMAGE_UNREADABLE for what is empty, broken, too large or of a type that is not supported
 */
export async function openImageBytes(bytes: Uint8Array, limit: number): Promise<ImageSource> {
  if (bytes.length === 0) throw unreadableImage('it is empty');
  try {
    const metadata = await sharp(bytes, { limitInputPixels: limit }).metadata();
    if (!imageMimes.has(metadata.format ?? ''))
      throw unreadableImage(`the type ${metadata.format ?? 'unknown'} is not supported`);
    if ((metadata.width ?? 0) * (metadata.height ?? 0) > limit)
      throw unreadableImage(`it has more than ${Math.floor(limit / 1e6)} million pixels`);
    const first = await decodeImage(bytes);
    let decoded = new WeakRef<RgbImage>(first);
    return {
      hash: createHash('sha256').update(bytes).digest('hex'),
      width: first.width,
      height: first.height,
      async pixels() {
        const held = decoded.deref();
        if (held !== undefined) return held;
        const pixels = await decodeImage(bytes);
        decoded = new WeakRef(pixels);
        return pixels;
      },
    };
  } catch (error) {
    throw asUnreadable(error);
  }
}
