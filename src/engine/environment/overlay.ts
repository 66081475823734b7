import type { View } from '@shared/geometry/view';
import type { Bitmap } from '@shared/mask/bitmap';
import { decodeMask } from '@shared/mask/rle';
import type { Observation, OverlayStyle } from '@shared/trajectory/schema';
import type { RgbImage } from '../segmenters/segmenter';

/**
 * The one look of observation images. It is recorded in every trajectory, because a model that was trained on
 * one style fails on another.
 */
export const defaultOverlayStyle: OverlayStyle = {
  activeColor: [40, 220, 100],
  otherColor: [70, 140, 255],
  alpha: 0.5,
  contourPx: 2,
  markerPx: 6,
};

type Color = readonly [number, number, number];
const positiveColor: Color = [30, 200, 60];
const negativeColor: Color = [230, 40, 40];
const white: Color = [255, 255, 255];

/**
 * Draws masks and prompts of an observation onto the picture of its view.
 *
 * @param base the view image, RGB, of the size `observation.view.width × height`; it is drawn over
 */
export function drawOverlay(base: RgbImage, observation: Observation, style: OverlayStyle): void {
  const { view } = observation;
  const active = observation.objects.find((object) => object.id === observation.activeObject);
  for (const object of observation.objects) {
    if (!object.mask) continue;
    const color = object === active ? style.activeColor : style.otherColor;
    drawMask(base, decodeMask(object.mask), view, color, style);
  }
  if (!active) return;
  if (active.box) {
    const corner1 = toView(view, active.box.x1, active.box.y1);
    const corner2 = toView(view, active.box.x2, active.box.y2);
    drawRectangle(base, corner1, corner2);
  }
  for (const point of active.points) {
    drawMarker(base, toView(view, point.x, point.y), point.label === 'positive', style.markerPx);
  }
}

interface Position {
  x: number;
  y: number;
}

function toView(view: View, x: number, y: number): Position {
  return {
    x: ((x - view.box.x1) * view.width) / (view.box.x2 - view.box.x1),
    y: ((y - view.box.y1) * view.height) / (view.box.y2 - view.box.y1),
  };
}

/** Blends a mask over the picture of a view, with an outline in full colour. `base` is drawn over. */
export function drawMask(base: RgbImage, mask: Bitmap, view: View, color: Color, style: OverlayStyle): void {
  const { width, height } = base;
  const inside = sampleMask(mask, view);
  const [r, g, b] = color;
  const keep = 1 - style.alpha;
  for (let i = 0; i < width * height; i++) {
    if (inside[i] === 0) continue;
    const at = i * 3;
    base.data[at] = (base.data[at] ?? 0) * keep + r * style.alpha;
    base.data[at + 1] = (base.data[at + 1] ?? 0) * keep + g * style.alpha;
    base.data[at + 2] = (base.data[at + 2] ?? 0) * keep + b * style.alpha;
  }
  drawContour(base, inside, color, style.contourPx);
}

/** The mask at each pixel centre of the view image: 0 | 1, row-major. */
function sampleMask(mask: Bitmap, view: View): Uint8Array {
  const { box, width, height } = view;
  const sampled = new Uint8Array(width * height);
  const column = new Int32Array(width);
  for (let x = 0; x < width; x++) column[x] = Math.floor(box.x1 + ((x + 0.5) * (box.x2 - box.x1)) / width);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(box.y1 + ((y + 0.5) * (box.y2 - box.y1)) / height) * mask.width;
    for (let x = 0; x < width; x++) sampled[y * width + x] = mask.data[row + (column[x] ?? 0)] ?? 0;
  }
  return sampled;
}

/** Full colour on a band of `thickness` pixels along the inner border of the mask. */
function drawContour(base: RgbImage, inside: Uint8Array, color: Color, thickness: number): void {
  const { width, height } = base;
  const isInside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && inside[y * width + x] === 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (inside[y * width + x] === 0) continue;
      for (let d = 1; d <= thickness; d++) {
        if (isInside(x - d, y) && isInside(x + d, y) && isInside(x, y - d) && isInside(x, y + d)) continue;
        paint(base, x, y, color);
        break;
      }
    }
  }
}

/** A white outline with a dark one inside it, so that it is seen on any picture. */
function drawRectangle(base: RgbImage, from: Position, to: Position): void {
  for (const [inset, color] of [
    [0, white],
    [1, [20, 20, 20]],
  ] as const) {
    const x1 = Math.round(from.x) + inset;
    const y1 = Math.round(from.y) + inset;
    const x2 = Math.round(to.x) - 1 - inset;
    const y2 = Math.round(to.y) - 1 - inset;
    for (let x = x1; x <= x2; x++) {
      paint(base, x, y1, color);
      paint(base, x, y2, color);
    }
    for (let y = y1; y <= y2; y++) {
      paint(base, x1, y, color);
      paint(base, x2, y, color);
    }
  }
}

/** A disc with a white rim and a plus or minus. */
function drawMarker(base: RgbImage, at: Position, positive: boolean, radius: number): void {
  const fill = positive ? positiveColor : negativeColor;
  const arm = radius / 2;
  for (let y = Math.floor(at.y - radius - 2); y <= at.y + radius + 2; y++) {
    for (let x = Math.floor(at.x - radius - 2); x <= at.x + radius + 2; x++) {
      const dx = x + 0.5 - at.x;
      const dy = y + 0.5 - at.y;
      const distance = Math.hypot(dx, dy);
      if (distance > radius + 1.5) continue;
      const onBar = Math.abs(dy) < 1 && Math.abs(dx) <= arm;
      const onPost = positive && Math.abs(dx) < 1 && Math.abs(dy) <= arm;
      paint(base, x, y, distance > radius || onBar || onPost ? white : fill);
    }
  }
}

function paint(base: RgbImage, x: number, y: number, [r, g, b]: Color): void {
  if (x < 0 || y < 0 || x >= base.width || y >= base.height) return;
  const at = (y * base.width + x) * 3;
  base.data[at] = r;
  base.data[at + 1] = g;
  base.data[at + 2] = b;
}
