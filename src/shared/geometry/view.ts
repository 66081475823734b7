import { boxCenter, clamp, clampBox, normalizeBox } from './box';
import type { Box, Point, Size } from './types';

/**
 * How a policy writes coordinates. `norm1000` (Qwen3-VL): integers 0..1000 of the current view, whatever its
 * size. `pixel` (Qwen2.5-VL): integers in the resized view image, 0..width and 0..height.
 */
export type Coordinates = 'norm1000' | 'pixel';

/** Limits that the view image has to meet so that no inference or training engine resizes it again. */
export interface ViewConfig {
  /** Both sides of the view image are multiples of this (patch size × merge size of the vision tower). */
  multiple: number;
  /** Least and greatest number of pixels of the view image. */
  minPixels: number;
  maxPixels: number;
}

/** A rectangle of the image as the policy sees it. */
export interface View {
  /** Rectangle of the image, in whole image pixels. */
  box: Box;
  /** Size of the resized view image in pixels, multiples of `ViewConfig.multiple`. */
  width: number;
  height: number;
}

const normMaximum = 1000;

/**
 * Greatest ratio of the sides of a view image. The preprocessors of both Qwen families refuse more than 200;
 * half of that leaves room for rounding the short side. Thinner pictures are stretched across.
 */
const maxAspect = 100;

/** A zoomed view covers at least this many image pixels a side (less only where the image itself is smaller) … */
const minExtent = 16;
/** … and its sides differ at most by this factor, because the model sees nothing in a thinner strip. */
const maxZoomAspect = 8;

/**
 * The limits for one convention. 28 and 32 are the vision patch after merging (Qwen2.5-VL, Qwen3-VL). The
 * bounds are the tightest of all engines in use: below 65,536 pixels engines enlarge Qwen3-VL images
 * (each in its own way), above 768 × 768 = 589,824 LLaMA-Factory shrinks by default.
 */
export function defaultViewConfig(coordinates: Coordinates): ViewConfig {
  return { multiple: coordinates === 'norm1000' ? 32 : 28, minPixels: 65_536, maxPixels: 589_824 };
}

/**
 * The view of a whole image of the given size (as displayed, after EXIF rotation). It keeps the scale of the
 * image where the limits allow, so an image that already meets them is not resampled at all.
 */
export function fullView(size: Size, config: ViewConfig): View {
  const box = { x1: 0, y1: 0, x2: size.width, y2: size.height };
  return { box, ...fitSides(size.width, size.height, size.width * size.height, config) };
}

/**
 * The view of a part of the image. The box is taken with its corners in any order, clamped to the image,
 * grown about its centre to the least extent, moved back inside, and rounded outwards to whole pixels.
 * The view image always uses the whole pixel budget, so that small objects become large.
 *
 * @param box image pixels, may reach outside the image
 */
export function zoomView(size: Size, box: Box, config: ViewConfig): View {
  const inside = clampBox(normalizeBox({ x: box.x1, y: box.y1 }, { x: box.x2, y: box.y2 }), size);
  const center = boxCenter(inside);
  const longest = Math.max(inside.x2 - inside.x1, inside.y2 - inside.y1);
  const extent = Math.max(minExtent, longest / maxZoomAspect);
  const [x1, x2] = growInterval(center.x, Math.max(inside.x2 - inside.x1, extent), size.width);
  const [y1, y2] = growInterval(center.y, Math.max(inside.y2 - inside.y1, extent), size.height);
  return { box: { x1, y1, x2, y2 }, ...fitSides(x2 - x1, y2 - y1, config.maxPixels, config) };
}

/** From a policy's coordinates to image pixels (float). */
export function toImage(view: View, coordinates: Coordinates, point: Point): Point {
  const range = maxCoordinate(view, coordinates);
  const { box } = view;
  return {
    x: box.x1 + (point.x * (box.x2 - box.x1)) / range.width,
    y: box.y1 + (point.y * (box.y2 - box.y1)) / range.height,
  };
}

/** From image pixels to a policy's coordinates: integers, rounded, clamped to the range of the convention. */
export function fromImage(view: View, coordinates: Coordinates, point: Point): Point {
  const range = maxCoordinate(view, coordinates);
  const { box } = view;
  const x = Math.round(((point.x - box.x1) * range.width) / (box.x2 - box.x1));
  const y = Math.round(((point.y - box.y1) * range.height) / (box.y2 - box.y1));
  // `+ 0` turns −0 into 0, which would otherwise be written as "-0" by some printers.
  return { x: clamp(x, 0, range.width) + 0, y: clamp(y, 0, range.height) + 0 };
}

/** {@link toImage} for both corners; the result's corners are in order. */
export function boxToImage(view: View, coordinates: Coordinates, box: Box): Box {
  return normalizeBox(
    toImage(view, coordinates, { x: box.x1, y: box.y1 }),
    toImage(view, coordinates, { x: box.x2, y: box.y2 }),
  );
}

/**
 * {@link fromImage} for both corners. Each corner is rounded to the nearest integer; a box thinner than half a
 * unit may come out with no extent.
 */
export function boxFromImage(view: View, coordinates: Coordinates, box: Box): Box {
  return normalizeBox(
    fromImage(view, coordinates, { x: box.x1, y: box.y1 }),
    fromImage(view, coordinates, { x: box.x2, y: box.y2 }),
  );
}

/** Whether a point in a policy's coordinates lies in the range of the convention, both ends included. */
export function isInsideView(view: View, coordinates: Coordinates, point: Point): boolean {
  const range = maxCoordinate(view, coordinates);
  return point.x >= 0 && point.x <= range.width && point.y >= 0 && point.y <= range.height;
}

/** The greatest valid x (as `width`) and y (as `height`) of the convention in this view. */
export function maxCoordinate(view: View, coordinates: Coordinates): Size {
  return coordinates === 'norm1000'
    ? { width: normMaximum, height: normMaximum }
    : { width: view.width, height: view.height };
}

/** An interval of `length` about `center`, moved into 0..limit and rounded outwards to integers. */
function growInterval(center: number, length: number, limit: number): [number, number] {
  const kept = Math.min(length, limit);
  const start = clamp(center - kept / 2, 0, limit - kept);
  return [Math.floor(start), Math.min(limit, Math.ceil(start + kept))];
}

/**
 * Sides that are multiples of `config.multiple`, with `area` pixels (moved into the limits) and the aspect
 * ratio of `width` to `height` as nearly as the multiples allow. Never more pixels than the upper limit; less than the
 * lower one only where no such sides meet both.
 */
function fitSides(width: number, height: number, area: number, config: ViewConfig): Size {
  const { multiple, minPixels, maxPixels } = config;
  const pixels = clamp(area, minPixels, maxPixels);
  // No side is shorter than one multiple, so a small view cannot be as thin as a large one.
  const thinnest = Math.min(maxAspect, Math.max(1, Math.floor(maxPixels / multiple ** 2)));
  const aspect = clamp(width / height, 1 / thinnest, thinnest);
  const ideal = { width: Math.sqrt(pixels * aspect), height: Math.sqrt(pixels / aspect) };
  let best: Size | null = null;
  let bestCost = Number.POSITIVE_INFINITY;
  /** Where no sides meet both limits: the best of those that meet the upper one. */
  const underLimits = 1000;
  for (const w of around(ideal.width, multiple)) {
    for (const h of around(ideal.height, multiple)) {
      if (w * h > maxPixels) continue;
      // Distortion weighs more than size: the policy has to recognise shapes.
      const cost =
        4 * Math.abs(Math.log(w / h / aspect)) +
        Math.abs(Math.log((w * h) / pixels)) +
        (w * h < minPixels ? underLimits : 0);
      if (cost < bestCost) {
        bestCost = cost;
        best = { width: w, height: h };
      }
    }
  }
  if (best === null) {
    throw new RangeError(
      `No view image with sides that are multiples of ${multiple} has at most ${maxPixels} pixels; raise maxPixels.`,
    );
  }
  return best;
}

/** The multiples near `side`, at least one: two on either side, so that the pixel limits can be met. */
function around(side: number, multiple: number): number[] {
  const nearest = Math.round(side / multiple);
  const candidates: number[] = [];
  for (let n = Math.max(1, nearest - 2); n <= Math.max(1, nearest + 2); n++) candidates.push(n * multiple);
  return candidates;
}
