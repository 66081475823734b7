import { MaskwrightError, messageOf } from '@shared/contract/errors';
import { type Rle, rleArea, rleBbox } from '@shared/mask/rle';

/** Pixel count and COCO bbox [x, y, width, height] in pixels of a mask. */
export interface MaskMeasure {
  area: number;
  bbox: [number, number, number, number];
}

/**
 * Measures a mask of an image. Throws INVALID_REQUEST when its runs are broken or its size is not the image's: such
 * a mask would break every export later.
 */
export function measureMask(mask: Rle, image: { width: number; height: number }): MaskMeasure {
  const [height, width] = mask.size;
  if (height !== image.height || width !== image.width) {
    throw new MaskwrightError(
      'INVALID_REQUEST',
      `The mask is ${width} × ${height} pixels, the image ${image.width} × ${image.height}.`,
      { hint: 'Draw the mask again on this image.' },
    );
  }
  try {
    return { area: rleArea(mask), bbox: rleBbox(mask) };
  } catch (error) {
    throw new MaskwrightError('INVALID_REQUEST', `The mask cannot be read: ${messageOf(error)}`, {
      hint: 'Draw the mask again.',
      cause: error,
    });
  }
}
