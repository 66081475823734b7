import type { Gesture } from '../contract/methods';
import { boxFromImage, boxToImage, type Coordinates, fromImage, toImage, type View } from '../geometry/view';
import type { ToolCall } from './definitions';

/** A call in a policy's coordinates, as a gesture in image pixels. */
export function gestureOf(call: ToolCall, view: View, coordinates: Coordinates): Gesture {
  switch (call.name) {
    case 'segment_box':
    case 'zoom':
      return { name: call.name, box: boxToImage(view, coordinates, call.arguments) };
    case 'add_point':
      return {
        name: call.name,
        point: toImage(view, coordinates, call.arguments),
        label: call.arguments.label,
      };
    case 'revert':
      return { name: call.name, turn: call.arguments.turn };
    default:
      return { name: call.name };
  }
}

/** A gesture in image pixels, as a policy would write it in this view: rounded to the convention's integers. */
export function callOf(gesture: Gesture, view: View, coordinates: Coordinates): ToolCall {
  switch (gesture.name) {
    case 'segment_box':
    case 'zoom':
      return { name: gesture.name, arguments: boxFromImage(view, coordinates, gesture.box) };
    case 'add_point':
      return {
        name: gesture.name,
        arguments: { ...fromImage(view, coordinates, gesture.point), label: gesture.label },
      };
    case 'revert':
      return { name: gesture.name, arguments: { turn: gesture.turn } };
    default:
      return { name: gesture.name, arguments: {} };
  }
}

/** Whether a gesture's place lies inside the rectangle that a view shows, borders included. */
export function isGestureInView(gesture: Gesture, view: View): boolean {
  const { box } = view;
  const inside = (x: number, y: number): boolean => x >= box.x1 && x <= box.x2 && y >= box.y1 && y <= box.y2;
  switch (gesture.name) {
    case 'segment_box':
    case 'zoom':
      return inside(gesture.box.x1, gesture.box.y1) && inside(gesture.box.x2, gesture.box.y2);
    case 'add_point':
      return inside(gesture.point.x, gesture.point.y);
    default:
      return true;
  }
}
