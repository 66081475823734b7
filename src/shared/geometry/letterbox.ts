import type { Point, Size } from './types';

/** How an image of one size is placed in the square input of an encoder. */
export interface EncoderTransform {
  /** Size of the resized image in the encoder's input, without padding. Content starts at the top left. */
  width: number;
  height: number;
  /** Encoder pixels for one image pixel along each axis. */
  scaleX: number;
  scaleY: number;
  /** Image pixels → encoder pixels (float). */
  apply(point: Point): Point;
  /** Encoder pixels → image pixels (float). */
  invert(point: Point): Point;
}

/**
 * SAM 1: the longest side becomes `target`, the rest is padding on the right and at the bottom. Sides are
 * rounded as by `ResizeLongestSide.get_preprocess_shape` of segment-anything, int(side · scale + 0.5), and
 * points scale by the rounded side over the original one, as by `apply_coords`. Where the reference gives a
 * side of zero (ratio above 2 · target) this gives one pixel.
 *
 * @param size image size in pixels
 * @param target side of the encoder's square input in pixels, 1024 for SAM
 */
export function longestSideTransform(size: Size, target: number): EncoderTransform {
  const scale = target / Math.max(size.width, size.height);
  return transform(size, {
    width: Math.max(1, Math.floor(size.width * scale + 0.5)),
    height: Math.max(1, Math.floor(size.height * scale + 0.5)),
  });
}

/** SAM 2: both sides become `target`; the aspect ratio is not kept and there is no padding. */
export function stretchTransform(size: Size, target: number): EncoderTransform {
  return transform(size, { width: target, height: target });
}

function transform(from: Size, to: Size): EncoderTransform {
  const scaleX = to.width / from.width;
  const scaleY = to.height / from.height;
  return {
    width: to.width,
    height: to.height,
    scaleX,
    scaleY,
    apply: (point) => ({ x: point.x * scaleX, y: point.y * scaleY }),
    invert: (point) => ({ x: point.x / scaleX, y: point.y / scaleY }),
  };
}
