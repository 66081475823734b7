import { padBox } from '../geometry/box';
import type { Size } from '../geometry/types';
import { pixelBox } from './bitmap';
import { connectedParts } from './components';
import { distanceTransform } from './distance';
import { emptyPlaced, type PlacedMask, placedBox, reframePlaced, trimPlaced } from './placed';

/** Masks made larger, smaller, smoother, or closed. Masks come in trimmed or not and go out trimmed. */

/**
 * Every pixel of the image whose centre is at most `pixels` away from the centre of a foreground pixel (exact
 * Euclidean distance): a dilation by the disc of that radius.
 */
export function growMask(mask: PlacedMask, pixels: number, size: Size): PlacedMask | null {
  const reach = Math.ceil(pixels);
  return inStrips(padded(mask, reach, size), reach, ({ width, height, data }) => {
    const inverse = data.map((value) => value ^ 1);
    return distanceTransform({ width, height, data: inverse }).map((distance) =>
      distance <= pixels ? 1 : 0,
    );
  });
}

/**
 * The foreground pixels whose centres are more than `pixels` away from that of every background pixel: an erosion
 * by the disc of that radius. Beyond the image's border nothing is known and nothing is taken away, as in OpenCV's
 * `erode`; null when no pixel is left.
 */
export function shrinkMask(mask: PlacedMask, pixels: number, size: Size): PlacedMask | null {
  return inStrips(padded(mask, 1, size), Math.ceil(pixels), (strip) =>
    distanceTransform(strip).map((distance) => (distance > pixels ? 1 : 0)),
  );
}

/**
 * Every pixel becomes what most pixels of the disc of that radius around it are, as far as the disc lies on the
 * image (a median filter); with a tie it stays what it is. Takes away thorns, specks and the steps of a coarse mask.
 */
export function smoothMask(mask: PlacedMask, radius: number, size: Size): PlacedMask | null {
  const reach = Math.floor(radius);
  return inStrips(padded(mask, reach, size), reach, (strip) => smoothed(strip, radius, size));
}

function smoothed(wide: PlacedMask, radius: number, size: Size): Uint8Array {
  const reach = Math.floor(radius);
  const { width, height, data } = wide;
  // Half the width of the disc, by the distance of the row.
  const halves = Array.from({ length: reach + 1 }, (_, dy) =>
    Math.floor(Math.sqrt(radius * radius - dy * dy)),
  );
  // rows[y][x]: foreground pixels of row y left of column x; squares[y][x]: of all rows above y.
  const stride = width + 1;
  const rows = new Int32Array(stride * height);
  const squares = new Int32Array(stride * (height + 1));
  for (let y = 0; y < height; y++) {
    let sum = 0;
    for (let x = 0; x < width; x++) {
      sum += data[y * width + x]!;
      rows[y * stride + x + 1] = sum;
      squares[(y + 1) * stride + x + 1] = squares[y * stride + x + 1]! + sum;
    }
  }
  const result = data.slice();
  for (let y = 0; y < height; y++) {
    const top = Math.max(0, y - reach);
    const bottom = Math.min(height, y + reach + 1);
    for (let x = 0; x < width; x++) {
      const left = Math.max(0, x - reach);
      const right = Math.min(width, x + reach + 1);
      const around =
        squares[bottom * stride + right]! -
        squares[top * stride + right]! -
        squares[bottom * stride + left]! +
        squares[top * stride + left]!;
      // Far from the mask's border all that is around it on the part is the same.
      if (around === 0 || around === (bottom - top) * (right - left)) continue;
      let twice = 0;
      for (let dy = -reach; dy <= reach; dy++) {
        // Rows and columns of the image that the part does not have are background, those beyond it do not count.
        const imageRow = wide.y + y + dy;
        if (imageRow < 0 || imageRow >= size.height) continue;
        const half = halves[Math.abs(dy)]!;
        const imageX = wide.x + x;
        twice -= Math.min(size.width - 1, imageX + half) - Math.max(0, imageX - half) + 1;
        const row = (y + dy) * stride;
        if (y + dy < 0 || y + dy >= height) continue;
        twice += 2 * (rows[row + Math.min(width, x + half + 1)]! - rows[row + Math.max(0, x - half)]!);
      }
      const i = y * width + x;
      result[i] = twice > 0 || (twice === 0 && data[i] === 1) ? 1 : 0;
    }
  }
  return result;
}

/**
 * Fills the background that is enclosed by foreground: what cannot be left by steps over the sides of pixels. What
 * is open to the image's border is no hole.
 *
 * @param maxArea holes with more pixels stay
 */
export function fillHoles(mask: PlacedMask, maxArea = Number.POSITIVE_INFINITY): PlacedMask | null {
  const trimmed = trimPlaced(mask);
  if (trimmed === null) return null;
  const { width, height, data } = trimmed;
  const inverse = { width, height, data: data.map((value) => value ^ 1) };
  const { labels, parts } = connectedParts(inverse, 4);
  const isHole = parts.map(
    ({ box, area }) => area <= maxArea && box.x1 > 0 && box.y1 > 0 && box.x2 < width && box.y2 < height,
  );
  const filled = data.slice();
  for (let i = 0; i < filled.length; i++) if (labels[i]! > 0 && isHole[labels[i]! - 1]) filled[i] = 1;
  return { ...trimmed, data: filled };
}

/** Strips of rows have at most about so many pixels: the tables of an operation take many times the bytes of a mask. */
const stripPixels = 4 * 1024 * 1024;

/**
 * Works out a mask strip by strip, where no pixel depends on one that is more than `reach` rows away.
 *
 * @param work gives the pixels of a strip; those of the rows next to its edges are dropped where the mask goes on
 */
function inStrips(
  mask: PlacedMask,
  reach: number,
  work: (strip: PlacedMask) => ArrayLike<number>,
): PlacedMask | null {
  const { x, y, width, height } = mask;
  const rows = Math.max(4 * reach + 16, Math.floor(stripPixels / width) - 2 * reach);
  const result = emptyPlaced(placedBox(mask));
  for (let top = 0; top < height; top += rows) {
    const bottom = Math.min(height, top + rows);
    const [first, last] = [Math.max(0, top - reach), Math.min(height, bottom + reach)];
    const strip = reframePlaced(mask, { x1: x, y1: y + first, x2: x + width, y2: y + last });
    const pixels = work(strip);
    const skipped = (top - first) * width;
    for (let i = 0; i < (bottom - top) * width; i++) result.data[top * width + i] = pixels[skipped + i]!;
  }
  return trimPlaced(result);
}

/** A copy with some more pixels of the image on every side, as far as the image has them. */
function padded(mask: PlacedMask, by: number, size: Size): PlacedMask {
  return reframePlaced(mask, pixelBox(padBox(placedBox(mask), by), size.width, size.height));
}
