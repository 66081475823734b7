import { stat } from 'node:fs/promises';
import { MaskwrightError, messageOf } from '@shared/contract/errors';
import type { Box, Size } from '@shared/geometry/types';
import sharp from 'sharp';
import type { RgbImage } from '../segmenters/segmenter';

/** Largest image that is read at all: 300 megapixels. */
export const maxPixels = 300_000_000;

/** Images with more pixels than this are never decoded whole: 120 MB. Others see an overview and the parts they ask for. */
export const wholeUpTo = 40_000_000;

/**
 * The pixels of an image file: RGB, row-major, 3 bytes a pixel, after the EXIF orientation (applied once, here).
 * Colour profiles are not applied, as Pillow and OpenCV do not, with which segmenters are trained: measured on 20
 * COCO photographs, the pixels are then exactly Pillow's, else up to 48 grey levels off. An alpha channel is dropped, as Pillow's convert('RGB') does; of an animation the first picture is taken.
 *
 * @param input path of the file, or its bytes
 * @throws IMAGE_UNREADABLE for a missing, empty, broken, cut off or too large file
 */
export async function decodeImage(input: string | Uint8Array): Promise<RgbImage> {
  try {
    // failOn error: cut off files fail, harmless oddities that every viewer ignores do not.
    const { data, info } = await sharp(input, {
      failOn: 'error',
      limitInputPixels: maxPixels,
      ignoreIcc: true,
    })
      .rotate()
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw unreadableImage(`it has ${info.channels} colour channels`);
    return {
      width: info.width,
      height: info.height,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    };
  } catch (error) {
    // libvips calls an empty file a format that it does not support.
    if (await isEmpty(input)) throw unreadableImage('the file is empty', error);
    throw asUnreadable(error);
  }
}

/**
 * The same scaled to a size (pixels, proportions are the caller's), or a part of it: the file is read in one pass and
 * never whole in memory.
 *
 * @param part whole pixels after the EXIF orientation; null: all of it
 */
export async function decodeScaled(path: string, part: Box | null, size: Size): Promise<RgbImage> {
  try {
    const upright = sharp(path, { failOn: 'error', limitInputPixels: maxPixels, ignoreIcc: true }).rotate();
    const cut = part
      ? upright.extract({ left: part.x1, top: part.y1, width: part.x2 - part.x1, height: part.y2 - part.y1 })
      : upright;
    const { data, info } = await cut
      .resize(size.width, size.height, { fit: 'fill', kernel: 'lanczos3' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return {
      width: info.width,
      height: info.height,
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
    };
  } catch (error) {
    throw asUnreadable(error);
  }
}

async function isEmpty(input: string | Uint8Array): Promise<boolean> {
  if (typeof input !== 'string') return input.length === 0;
  return stat(input).then(
    ({ size }) => size === 0,
    () => false,
  );
}

/** IMAGE_UNREADABLE with a reason that follows "The image cannot be read: ". */
export function unreadableImage(reason: string, cause?: unknown): MaskwrightError {
  return new MaskwrightError('IMAGE_UNREADABLE', `The image cannot be read: ${reason}.`, {
    hint: 'Check that the file opens in an image viewer, or save it again as JPEG or PNG.',
    cause,
  });
}

/** Any failure of reading an image, said plainly. */
export function asUnreadable(error: unknown): MaskwrightError {
  if (error instanceof MaskwrightError) return error;
  const message = messageOf(error);
  if (message.includes('pixel limit')) {
    return new MaskwrightError(
      'IMAGE_UNREADABLE',
      `The image cannot be read: it has more than ${maxPixels / 1e6} million pixels.`,
      { hint: 'Cut it into tiles or scale it down.', cause: error },
    );
  }
  if (message.includes('Input file is missing') || message.includes('ENOENT')) {
    return new MaskwrightError('IMAGE_UNREADABLE', 'The image cannot be read: the file is gone.', {
      hint: 'Put it back where it was, or import it again.',
      cause: error,
    });
  }
  return unreadableImage(message.trim().split('\n')[0] ?? message, error);
}
