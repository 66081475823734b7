import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import sharp from 'sharp';
import { MaskwrightError, messageOf } from '../../shared/contract/errors';

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
 * Size, type and hash of an image file, without decoding its pixels. Throws IMAGE_UNREADABLE for a missing, empty or
 * broken file and for a type that is not supported.
 */
export async function readImageInfo(path: string): Promise<ImageInfo> {
  const unreadable = (reason: string, cause?: unknown): MaskwrightError =>
    new MaskwrightError('IMAGE_UNREADABLE', `The image cannot be read: ${reason}`, {
      hint: 'Check that the file opens in an image viewer, or save it again as JPEG or PNG.',
      cause,
    });
  try {
    const { size } = await stat(path);
    if (size === 0) throw unreadable('the file is empty');
    const metadata = await sharp(path).metadata();
    const mime = mimes.get(metadata.format ?? '');
    const { width, height, orientation } = metadata;
    if (mime === undefined) throw unreadable(`the type ${metadata.format ?? 'unknown'} is not supported`);
    if (width === undefined || height === undefined || width < 1 || height < 1)
      throw unreadable('it has no size');
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
    if (error instanceof MaskwrightError) throw error;
    throw unreadable(messageOf(error), error);
  }
}
