import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import sharp from 'sharp';
import type { ImageSource, RgbImage } from '../segmenters/segmenter';
import { asUnreadable, decodeImage, maxPixels, unreadableImage } from './decode-image';

export interface ImageInfo {
  /** sha256 of the file's bytes, hex. */
  hash: string;
  /** Pixels, after EXIF orientation. */
  width: number;
  height: number;
  mime: string;
}

const mimes: ReadonlyMap<string, string> = new Map([
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['tiff', 'image/tiff'],
  ['heif', 'image/avif'],
]);

/**
 * Size, type and hash of an image file, without decoding its pixels. Throws IMAGE_UNREADABLE for a missing, empty,
 * broken or too large file and for a type that is not supported.
 */
export async function readImageInfo(path: string): Promise<ImageInfo> {
  try {
    const { size } = await stat(path);
    if (size === 0) throw unreadableImage('the file is empty');
    const metadata = await sharp(path, { limitInputPixels: maxPixels }).metadata();
    const mime = mimes.get(metadata.format ?? '');
    const { width, height, orientation } = metadata;
    if (mime === undefined)
      throw unreadableImage(`the type ${metadata.format ?? 'unknown'} is not supported`);
    if (width === undefined || height === undefined || width < 1 || height < 1)
      throw unreadableImage('it has no size');
    const turned = orientation !== undefined && orientation >= 5 && orientation <= 8;
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    return {
      hash: hash.digest('hex'),
      width: turned ? height : width,
      height: turned ? width : height,
      mime,
    };
  } catch (error) {
    throw asUnreadable(error);
  }
}

/**
 * An image file as a segmenter's source. Its pixels are decoded when they are asked for, and once while anybody still
 * holds them. Throws IMAGE_UNREADABLE as {@link readImageInfo} does.
 */
export async function openImage(path: string): Promise<ImageSource> {
  const { hash, width, height } = await readImageInfo(path);
  let decoded: WeakRef<RgbImage> | null = null;
  let decoding: Promise<RgbImage> | null = null;
  return {
    hash,
    width,
    height,
    async pixels() {
      const held = decoded?.deref();
      if (held !== undefined) return held;
      decoding ??= decodeImage(path).finally(() => {
        decoding = null;
      });
      const pixels = await decoding;
      decoded = new WeakRef(pixels);
      return pixels;
    },
  };
}
