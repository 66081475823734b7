import type { Gesture } from '@shared/contract/methods';
import type { Size } from '@shared/geometry/types';
import {
  boxFromImage,
  type Coordinates,
  fromImage,
  maxCoordinate,
  toImage,
  type View,
} from '@shared/geometry/view';
import type { PointLabel } from '@shared/tools/definitions';

/** A call as numbers in fields: in pixels of the image, or in the policy's coordinates of the view. */

export type Units = 'image' | 'policy';
export type Field = 'x1' | 'y1' | 'x2' | 'y2' | 'x' | 'y' | 'turn';
export type Numbers = Partial<Record<Field, string>>;

/** What the numbers are measured in. */
export interface Frame {
  /** Of the image, in pixels. */
  size: Size;
  /** The view in which the call is made. */
  view: View;
  coordinates: Coordinates;
  /** Turns that a revert may name: 0 … this. */
  lastTurn: number;
}

/**
 * number: it is none. whole: it has to be an integer. range: it leaves 0 … max. order: it is not less than `other`.
 * thin: in the policy's coordinates the box would have no area.
 */
export type Problem =
  | { kind: 'number' | 'whole'; field: Field }
  | { kind: 'range'; field: Field; max: number }
  | { kind: 'order'; field: Field; other: Field }
  | { kind: 'thin' };

export function fieldsOf(tool: Gesture['name']): readonly Field[] {
  switch (tool) {
    case 'segment_box':
    case 'zoom':
      return ['x1', 'y1', 'x2', 'y2'];
    case 'add_point':
      return ['x', 'y'];
    case 'revert':
      return ['turn'];
    default:
      return [];
  }
}

/** The numbers of a call; image pixels are rounded to two decimals. */
export function numbersOf(gesture: Gesture, units: Units, frame: Frame): Numbers {
  const { view, coordinates } = frame;
  switch (gesture.name) {
    case 'segment_box':
    case 'zoom': {
      const { x1, y1, x2, y2 } =
        units === 'policy' ? boxFromImage(view, coordinates, gesture.box) : gesture.box;
      return { x1: written(x1), y1: written(y1), x2: written(x2), y2: written(y2) };
    }
    case 'add_point': {
      const { x, y } = units === 'policy' ? fromImage(view, coordinates, gesture.point) : gesture.point;
      return { x: written(x), y: written(y) };
    }
    case 'revert':
      return { turn: String(gesture.turn) };
    default:
      return {};
  }
}

/** The call that the numbers mean, in image pixels; or what is wrong with them first. */
export function readNumbers(
  tool: Gesture['name'],
  numbers: Numbers,
  label: PointLabel,
  units: Units,
  frame: Frame,
): { gesture: Gesture } | { problem: Problem } {
  const range = units === 'policy' ? maxCoordinate(frame.view, frame.coordinates) : frame.size;
  const values: Partial<Record<Field, number>> = {};
  for (const field of fieldsOf(tool)) {
    const text = (numbers[field] ?? '').trim().replace(',', '.');
    const value = text === '' ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) return { problem: { kind: 'number', field } };
    const isWhole = units === 'policy' || field === 'turn';
    if (isWhole && !Number.isInteger(value)) return { problem: { kind: 'whole', field } };
    const max = field === 'turn' ? frame.lastTurn : field.startsWith('x') ? range.width : range.height;
    if (value < 0 || value > max) return { problem: { kind: 'range', field, max } };
    values[field] = value;
  }
  const { x1 = 0, y1 = 0, x2 = 0, y2 = 0, x = 0, y = 0, turn = 0 } = values;
  const toPixels = (px: number, py: number): { x: number; y: number } =>
    units === 'policy' ? toImage(frame.view, frame.coordinates, { x: px, y: py }) : { x: px, y: py };
  switch (tool) {
    case 'segment_box':
    case 'zoom': {
      if (x1 >= x2) return { problem: { kind: 'order', field: 'x1', other: 'x2' } };
      if (y1 >= y2) return { problem: { kind: 'order', field: 'y1', other: 'y2' } };
      const [from, to] = [toPixels(x1, y1), toPixels(x2, y2)];
      const box = { x1: from.x, y1: from.y, x2: to.x, y2: to.y };
      const rounded = boxFromImage(frame.view, frame.coordinates, box);
      const isThin = rounded.x1 === rounded.x2 || rounded.y1 === rounded.y2;
      return isThin ? { problem: { kind: 'thin' } } : { gesture: { name: tool, box } };
    }
    case 'add_point':
      return { gesture: { name: tool, point: toPixels(x, y), label } };
    case 'revert':
      return { gesture: { name: tool, turn } };
    default:
      return { gesture: { name: tool } };
  }
}

function written(value: number): string {
  return String(Math.round(value * 100) / 100);
}
