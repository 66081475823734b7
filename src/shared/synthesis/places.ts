import { boxCenter } from '../geometry/box';
import type { Box, Point } from '../geometry/types';

/** Where a point lies in a box, in words: thirds of its sides. Points outside count as at the nearest side. */
export function placeIn(box: Box, point: Point): string {
  const third = (value: number, low: number, high: number): number =>
    Math.min(2, Math.max(0, Math.floor((3 * (value - low)) / Math.max(high - low, 1e-9))));
  const column = third(point.x, box.x1, box.x2);
  const row = third(point.y, box.y1, box.y2);
  return `${['upper', '', 'lower'][row]} ${['left', '', 'right'][column]}`.trim();
}

/** "in the upper left of the view", "in the middle of the view". */
export function placeOfBox(view: Box, box: Box): string {
  const place = placeIn(view, boxCenter(box));
  return place === '' ? 'in the middle' : `in the ${partName(place)}`;
}

/** "at its upper left", "at its right side", "in its middle": where a point lies in what a mask covers. */
export function sideOf(box: Box, point: Point): string {
  const place = placeIn(box, point);
  if (place === '') return 'in its middle';
  return place.includes(' ') ? `at its ${place}` : `at its ${partName(place)}`;
}

function partName(place: string): string {
  const single: Record<string, string> = {
    upper: 'upper part',
    lower: 'lower part',
    left: 'left part',
    right: 'right part',
  };
  return single[place] ?? `${place} corner`;
}
