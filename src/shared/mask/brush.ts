import { intersectBoxes } from '../geometry/box';
import type { Box, Point, Size } from '../geometry/types';
import { emptyPlaced, type PlacedMask, placedBox, reframePlaced, trimPlaced } from './placed';

/**
 * A mask that is being painted: it grows with what is painted, up to the image, and never copies more than that.
 *
 * The rule of the round brush: a pixel belongs to a stroke when its centre is at most `radius` away from the line
 * between two samples of the pointer. So a stroke has no gaps, and painting along a line in one step or in many
 * gives the same pixels.
 */
export class PaintedMask {
  readonly size: Size;
  #part: PlacedMask | null;

  /** @param size of the image, in pixels */
  constructor(start: PlacedMask | null, size: Size) {
    this.size = size;
    this.#part = start === null ? null : { ...start, data: start.data.slice() };
  }

  /** The part that holds all foreground, and often more; changes with every stroke. */
  get part(): PlacedMask | null {
    return this.#part;
  }

  /** The mask as it is now, of its own memory; null when it is empty. */
  taken(): PlacedMask | null {
    const part = this.#part && trimPlaced(this.#part);
    return part && { ...part, data: part.data.slice() };
  }

  /**
   * Paints (1) or erases (0) along a line.
   *
   * @param from, to image pixels (float), also outside of the image
   * @param radius image pixels (float), above 0
   * @returns the box of pixels that may have changed, or null
   */
  paint(from: Point, to: Point, radius: number, value: 0 | 1): Box | null {
    const { width, height } = this.size;
    const touched = intersectBoxes(
      {
        x1: Math.floor(Math.min(from.x, to.x) - radius),
        y1: Math.floor(Math.min(from.y, to.y) - radius),
        x2: Math.ceil(Math.max(from.x, to.x) + radius),
        y2: Math.ceil(Math.max(from.y, to.y) + radius),
      },
      { x1: 0, y1: 0, x2: width, y2: height },
    );
    if (touched === null) return null;
    if (value === 1) this.#cover(touched);
    const part = this.#part;
    const box = part && intersectBoxes(touched, placedBox(part));
    if (!part || !box) return null;
    for (let y = box.y1; y < box.y2; y++) {
      const span = rowOfStroke(from, to, radius, y);
      if (span === null) continue;
      const x1 = Math.max(span.x1, box.x1);
      const x2 = Math.min(span.x2, box.x2);
      if (x2 <= x1) continue;
      const row = (y - part.y) * part.width - part.x;
      part.data.fill(value, row + x1, row + x2);
    }
    return box;
  }

  /** Makes room for a box of the image; grows by half as much again, so that a long stroke copies little. */
  #cover(box: Box): void {
    const part = this.#part;
    if (part === null) {
      this.#part = emptyPlaced(box);
      return;
    }
    const has = placedBox(part);
    if (box.x1 >= has.x1 && box.y1 >= has.y1 && box.x2 <= has.x2 && box.y2 <= has.y2) return;
    const spareX = Math.ceil(part.width / 2);
    const spareY = Math.ceil(part.height / 2);
    this.#part = reframePlaced(part, {
      x1: box.x1 < has.x1 ? Math.max(0, box.x1 - spareX) : has.x1,
      y1: box.y1 < has.y1 ? Math.max(0, box.y1 - spareY) : has.y1,
      x2: box.x2 > has.x2 ? Math.min(this.size.width, box.x2 + spareX) : has.x2,
      y2: box.y2 > has.y2 ? Math.min(this.size.height, box.y2 + spareY) : has.y2,
    });
  }
}

/**
 * The columns (half-open) of row `y` that a stroke covers: those pixels whose centres are at most `radius` away
 * from the line from → to. A line through such a convex shape has one piece.
 */
function rowOfStroke(from: Point, to: Point, radius: number, y: number): { x1: number; x2: number } | null {
  const cy = y + 0.5;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  const cover = (x1: number, x2: number): void => {
    if (x1 < low) low = x1;
    if (x2 > high) high = x2;
  };
  for (const end of [from, to]) {
    const dy = cy - end.y;
    const half = radius * radius - dy * dy;
    if (half >= 0) cover(end.x - Math.sqrt(half), end.x + Math.sqrt(half));
  }
  // The sides of the rectangle between the two discs.
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy);
  if (length > 0) {
    const nx = (-dy / length) * radius;
    const ny = (dx / length) * radius;
    const corners = [
      { x: from.x + nx, y: from.y + ny },
      { x: to.x + nx, y: to.y + ny },
      { x: to.x - nx, y: to.y - ny },
      { x: from.x - nx, y: from.y - ny },
    ];
    corners.forEach((a, i) => {
      const b = corners[(i + 1) % 4]!;
      if (Math.min(a.y, b.y) > cy || Math.max(a.y, b.y) < cy) return;
      if (a.y === b.y) cover(Math.min(a.x, b.x), Math.max(a.x, b.x));
      else {
        const x = a.x + ((cy - a.y) * (b.x - a.x)) / (b.y - a.y);
        cover(x, x);
      }
    });
  }
  // Rounding may give or take the pixel at either end: the rule itself decides.
  let x1 = Math.ceil(low - 0.5);
  let x2 = Math.floor(high - 0.5) + 1;
  if (!(x2 >= x1)) return null;
  while (isInStroke(from, to, radius, x1 - 0.5, cy)) x1--;
  while (x1 < x2 && !isInStroke(from, to, radius, x1 + 0.5, cy)) x1++;
  while (isInStroke(from, to, radius, x2 + 0.5, cy)) x2++;
  while (x2 > x1 && !isInStroke(from, to, radius, x2 - 0.5, cy)) x2--;
  return x2 > x1 ? { x1, x2 } : null;
}

/** Whether the point (x, y) is at most `radius` away from the line from → to. */
export function isInStroke(from: Point, to: Point, radius: number, x: number, y: number): boolean {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const squared = dx * dx + dy * dy;
  const along = squared > 0 ? Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / squared)) : 0;
  const px = x - from.x - along * dx;
  const py = y - from.y - along * dy;
  return px * px + py * py <= radius * radius;
}
