import { boxIou } from '@shared/geometry/box';
import type { Box, Point } from '@shared/geometry/types';
import type { Coordinates, View } from '@shared/geometry/view';
import { type Bitmap, bitmapBox, subtractBitmaps } from '@shared/mask/bitmap';
import { dice } from '@shared/mask/metrics';
import type { RewardTurn } from '@shared/rewards/episode-reward';
import { type RawCall, toolCallSchema, toolNameSchema } from '@shared/tools/definitions';
import { gestureOf } from '@shared/tools/gesture';
import { type GroundTruth, overlap } from '../environment/ground-truth';

/** The masks of a moment of an episode; an environment's state is one. */
export interface Scene {
  objects: readonly { id: number; mask: Bitmap | null }[];
  activeObject: number;
  ended: 'finished' | 'no_target' | 'truncated' | null;
}

export interface MeasuredCall {
  call: RawCall | null;
  invalid: string | null;
  /** Before the call: what its coordinates are of. */
  view: View;
  coordinates: Coordinates;
}

/**
 * The numbers that rewards are made of, for one turn. A click is judged by the errors that it found: right is a
 * positive one on a part of the target that no mask covers, and a negative one on a part of the active mask that is
 * not of the target; on an ignored pixel it is neither. A box is compared with the box of what the other objects have
 * left of the target.
 */
export function measureTurn(turn: MeasuredCall, before: Scene, after: Scene, truth: GroundTruth): RewardTurn {
  const counts = overlap(masksOf(after), truth);
  const parsed = turn.call && turn.invalid === null ? toolCallSchema.safeParse(turn.call) : null;
  const gesture = parsed?.success ? gestureOf(parsed.data, turn.view, turn.coordinates) : null;
  const tool = toolNameSchema.safeParse(turn.call?.name);
  return {
    tool: tool.success ? tool.data : null,
    valid: turn.invalid === null,
    iou: counts.union === 0 ? 1 : counts.intersection / counts.union,
    dice: dice(counts),
    clickIsRight:
      gesture?.name === 'add_point' ? isRightClick(gesture.point, gesture.label, before, truth) : null,
    boxIou: gesture?.name === 'segment_box' ? targetBoxIou(gesture.box, before, truth.mask) : null,
  };
}

function masksOf(scene: Scene): Bitmap[] {
  if (scene.ended === 'no_target') return [];
  return scene.objects.flatMap(({ mask }) => (mask ? [mask] : []));
}

function isRightClick(
  point: Point,
  label: 'positive' | 'negative',
  before: Scene,
  { mask: truth, ignore }: GroundTruth,
): boolean | null {
  const covers = (mask: Bitmap): boolean => {
    // A point on the right or lower border of the image belongs to its last pixel.
    const x = Math.min(Math.floor(point.x), mask.width - 1);
    const y = Math.min(Math.floor(point.y), mask.height - 1);
    return mask.data[y * mask.width + x] === 1;
  };
  if (ignore && covers(ignore)) return null;
  if (label === 'positive') return covers(truth) && !masksOf(before).some(covers);
  const active = before.objects.find(({ id }) => id === before.activeObject)?.mask;
  return active != null && covers(active) && !covers(truth);
}

function targetBoxIou(box: Box, before: Scene, truth: Bitmap): number {
  const others = before.objects.flatMap(({ id, mask }) => (mask && id !== before.activeObject ? [mask] : []));
  const left = bitmapBox(others.reduce(subtractBitmaps, truth));
  return left ? boxIou(box, left) : 0;
}
