import type { Box, Point, Size } from './types';

/** Area in square pixels; 0 for an empty or inverted box. */
export function boxArea(box: Box): number {
  return Math.max(0, box.x2 - box.x1) * Math.max(0, box.y2 - box.y1);
}

/** The common rectangle of two boxes, or null when they share no area (touching edges share none). */
export function intersectBoxes(a: Box, b: Box): Box | null {
  const box = {
    x1: Math.max(a.x1, b.x1),
    y1: Math.max(a.y1, b.y1),
    x2: Math.min(a.x2, b.x2),
    y2: Math.min(a.y2, b.y2),
  };
  return box.x2 > box.x1 && box.y2 > box.y1 ? box : null;
}

/** Intersection over union of two boxes in 0..1; 0 when either is empty. */
/** The smallest box around both. */
export function uniteBoxes(a: Box, b: Box): Box {
  return {
    x1: Math.min(a.x1, b.x1),
    y1: Math.min(a.y1, b.y1),
    x2: Math.max(a.x2, b.x2),
    y2: Math.max(a.y2, b.y2),
  };
}

export function boxIou(a: Box, b: Box): number {
  const common = intersectBoxes(a, b);
  if (common === null) return 0;
  const intersection = boxArea(common);
  const union = boxArea(a) + boxArea(b) - intersection;
  return union > 0 ? intersection / union : 0;
}

/** Moves every side into 0..width and 0..height. A box outside the image collapses onto its border (area 0). */
export function clampBox(box: Box, size: Size): Box {
  return {
    x1: clamp(box.x1, 0, size.width),
    y1: clamp(box.y1, 0, size.height),
    x2: clamp(box.x2, 0, size.width),
    y2: clamp(box.y2, 0, size.height),
  };
}

/** The box between two opposite corners, given in any order. */
export function normalizeBox(a: Point, b: Point): Box {
  return { x1: Math.min(a.x, b.x), y1: Math.min(a.y, b.y), x2: Math.max(a.x, b.x), y2: Math.max(a.y, b.y) };
}

/** Grows a box by `padding` pixels on every side (negative: shrinks it, at most onto its centre lines). */
export function padBox(box: Box, padding: number): Box {
  const dx = Math.max(padding, -(box.x2 - box.x1) / 2);
  const dy = Math.max(padding, -(box.y2 - box.y1) / 2);
  return { x1: box.x1 - dx, y1: box.y1 - dy, x2: box.x2 + dx, y2: box.y2 + dy };
}

export function boxCenter(box: Box): Point {
  return { x: (box.x1 + box.x2) / 2, y: (box.y1 + box.y2) / 2 };
}

/** Half-open: the left and top sides belong to the box, the right and bottom sides do not. */
export function containsPoint(box: Box, point: Point): boolean {
  return point.x >= box.x1 && point.x < box.x2 && point.y >= box.y1 && point.y < box.y2;
}

/** `value` moved into low..high. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
