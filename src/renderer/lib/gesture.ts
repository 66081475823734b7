import type { Gesture } from '@shared/contract/methods';
import { clamp } from '@shared/geometry/box';
import type { Box, Size } from '@shared/geometry/types';
import { type RawCall, rawCallSchema } from '@shared/tools/definitions';

/** Rectangle around the place where a gesture acts, or null when it acts nowhere in particular. */
export function placeOf(gesture: Gesture): Box | null {
  switch (gesture.name) {
    case 'segment_box':
    case 'zoom':
      return gesture.box;
    case 'add_point':
      return { x1: gesture.point.x, y1: gesture.point.y, x2: gesture.point.x, y2: gesture.point.y };
    default:
      return null;
  }
}

/** The gesture moved by whole pixels, kept inside the image. */
export function nudged(gesture: Gesture, dx: number, dy: number, size: Size): Gesture {
  switch (gesture.name) {
    case 'segment_box':
    case 'zoom': {
      const { x1, y1, x2, y2 } = gesture.box;
      const mx = clamp(dx, -x1, size.width - x2);
      const my = clamp(dy, -y1, size.height - y2);
      return { ...gesture, box: { x1: x1 + mx, y1: y1 + my, x2: x2 + mx, y2: y2 + my } };
    }
    case 'add_point':
      return {
        ...gesture,
        point: {
          x: clamp(gesture.point.x + dx, 0, size.width),
          y: clamp(gesture.point.y + dy, 0, size.height),
        },
      };
    default:
      return gesture;
  }
}

/** The box with its lower right corner moved, for resizing by keyboard. */
export function resized(gesture: Gesture, dx: number, dy: number, size: Size): Gesture {
  if (gesture.name !== 'segment_box' && gesture.name !== 'zoom') return gesture;
  const { x1, y1, x2, y2 } = gesture.box;
  return {
    ...gesture,
    box: {
      x1,
      y1,
      x2: clamp(x2 + dx, Math.min(x1 + 1, size.width), size.width),
      y2: clamp(y2 + dy, Math.min(y1 + 1, size.height), size.height),
    },
  };
}

export function sameGesture(a: Gesture, b: Gesture): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A call as one short line: `segment_box 69 126 368 412`, `add_point 159 255 +`. */
export function callText(call: RawCall): string {
  const values = Object.values(call.arguments).map((value) => {
    if (value === 'positive') return '+';
    if (value === 'negative') return '−';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  });
  return [call.name, ...values].join(' ');
}

/** The same line for a gesture, in image pixels. */
export function gestureText(gesture: Gesture): string {
  const place = placeOf(gesture);
  const numbers =
    place === null
      ? []
      : gesture.name === 'add_point'
        ? [Math.round(place.x1), Math.round(place.y1), gesture.label === 'positive' ? '+' : '−']
        : [place.x1, place.y1, place.x2, place.y2].map(Math.round);
  if (gesture.name === 'revert') numbers.push(gesture.turn);
  return [gesture.name, ...numbers].join(' ');
}

/** A call as the model wrote it, on one line; what is no JSON stays as it is. */
export function writtenText(written: string): string {
  try {
    const call = rawCallSchema.safeParse(JSON.parse(written));
    if (call.success) return callText(call.data);
  } catch {
    // Not JSON: shown as written.
  }
  return written;
}
