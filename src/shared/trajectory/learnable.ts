import { mergeRles, type Rle, rleArea, rleIntersectionUnion } from '../mask/rle';
import { toolCallSchema } from '../tools/definitions';
import type { Observation, Outcome, Trajectory, TrajectoryNode } from './schema';
import { acceptedPath, isDiscarded } from './tree';

/**
 * The one decision about what is imitated in training. Filters of synthesis and all exports go by it.
 *
 * A simulated annotator records of each of its turns whether it was wrong on purpose; such a turn stays on the path, as
 * context for the recovery. Files of earlier versions say so by a verdict `rejected` of the author `simulator` alone.
 */

/** Why a turn is not imitated. It may stay in a prompt as context. */
export const unlearnableReasons = [
  /** A person rejected or replaced it, or undid it, or it was wrong on purpose. */
  'rejected',
  /** The answer held no call, or the environment refused it. */
  'invalid_call',
  /** The IoU was lower after it than before it. */
  'lowered_iou',
  /** It segmented or submitted something, of which nothing lies on the target. */
  'missed',
  /** Neither masks nor view changed. */
  'no_effect',
  /** A later `revert` took it back. */
  'reverted',
  /** A later box began anew, and what it replaced had not hit the target (IoU below 0.5 or unknown). */
  'dropped_hypothesis',
  /** An agent's turn that nobody accepted and no ground truth judges. */
  'unjudged',
] as const;
export type UnlearnableReason = (typeof unlearnableReasons)[number];

/** Why nothing of a trajectory is imitated. */
export const unusableReasons = [
  /** Still open, or failed. */
  'unsettled',
  /** A person rejected the whole result. */
  'rejected',
  /** The final IoU is known and below the least that is wanted. */
  'low_iou',
  /** No turn is left to imitate. */
  'nothing_to_learn',
] as const;
export type UnusableReason = (typeof unusableReasons)[number];

export interface JudgedTurn {
  node: TrajectoryNode;
  /** IoU of the union of all masks with the target before and after the turn; null where no target is known. */
  iouBefore: number | null;
  iou: number | null;
  /** Null: the turn is imitated. */
  reason: UnlearnableReason | null;
}

export interface JudgedTrajectory {
  /** The turns of the accepted path that ran, in order. */
  turns: JudgedTurn[];
  /** Null: its turns may be imitated, as each says. Otherwise none is. */
  unusable: UnusableReason | null;
  /** IoU after the last turn; null where no target is known. */
  finalIou: number | null;
}

export interface LearnableOptions {
  /** Least final IoU, where it is known. */
  minIou: number;
}

export const defaultLearnableOptions: LearnableOptions = { minIou: 0.5 };

/** A dropped hypothesis that had hit the target this well is a coarse step, not a wrong one. */
const hitIou = 0.5;

/** Judges the turns of a trajectory's accepted path. */
export function judgeTrajectory(
  trajectory: Trajectory,
  options: LearnableOptions = defaultLearnableOptions,
): JudgedTrajectory {
  const path = acceptedPath(trajectory).filter((node) => node.observation !== null);
  const ious = iousOf(trajectory, path);
  const effects = effectsOf(path);
  const isAccepted = trajectory.outcome.status === 'accepted';
  const turns = path.map((node, index): JudgedTurn => {
    const iou = ious[index + 1] ?? null;
    const iouBefore = ious[index] ?? null;
    const before = path[index - 1]?.observation ?? trajectory.root;
    const reason =
      node.wrongOnPurpose || isDiscarded(trajectory, node.id)
        ? 'rejected'
        : whyUnlearnable(node, { before, iou, iouBefore, effect: effects.get(node.id), isAccepted });
    return { node, iou, iouBefore, reason };
  });
  const finalIou = turns.at(-1)?.iou ?? null;
  const unusable =
    unusableOutcome[trajectory.outcome.status] ??
    (finalIou !== null && finalIou < options.minIou
      ? 'low_iou'
      : turns.every(({ reason }) => reason !== null)
        ? 'nothing_to_learn'
        : null);
  return { turns, unusable, finalIou };
}

const unusableOutcome: Record<Outcome['status'], UnusableReason | null> = {
  open: 'unsettled',
  failed: 'unsettled',
  rejected: 'rejected',
  accepted: null,
  finished: null,
  no_target: null,
  truncated: null,
};

/** What became of a segmentation turn's result. */
type Effect = 'reverted' | 'dropped';

function whyUnlearnable(
  node: TrajectoryNode,
  context: {
    before: Observation;
    iou: number | null;
    iouBefore: number | null;
    effect: Effect | undefined;
    isAccepted: boolean;
  },
): UnlearnableReason | null {
  const { before, iou, iouBefore, effect, isAccepted } = context;
  if (node.invalid !== null || !toolCallSchema.safeParse(node.call).success) return 'invalid_call';
  if (iou === null && node.author !== 'human' && !isAccepted) return 'unjudged';
  if (iou !== null && iouBefore !== null && iou < iouBefore) return 'lowered_iou';
  const isAnswer = node.call?.name === 'finish' || node.call?.name === 'report_no_target';
  if (iou === 0 && (isAnswer || isSegmentation(node))) return 'missed';
  if (effect === 'reverted') return 'reverted';
  if (effect === 'dropped' && (iou === null || iou < hitIou)) return 'dropped_hypothesis';
  if (!isAnswer && node.observation && nothingChanged(before, node.observation)) return 'no_effect';
  return null;
}

function isSegmentation({ call }: TrajectoryNode): boolean {
  return call?.name === 'segment_box' || call?.name === 'add_point';
}

function nothingChanged(before: Observation, after: Observation): boolean {
  const a = before.view.box;
  const b = after.view.box;
  return (
    before.activeObject === after.activeObject &&
    a.x1 === b.x1 &&
    a.y1 === b.y1 &&
    a.x2 === b.x2 &&
    a.y2 === b.y2 &&
    before.objects.length === after.objects.length &&
    before.objects.every((object, index) => object.mask?.counts === after.objects[index]?.mask?.counts)
  );
}

/** The segmentation turns whose result is no part of the last masks, and why. */
function effectsOf(path: readonly TrajectoryNode[]): Map<string, Effect> {
  const effects = new Map<string, Effect>();
  /** For each object the turns that its mask was made by, after each turn of the path. */
  const history: Map<number, readonly string[]>[] = [new Map()];
  for (const [index, node] of path.entries()) {
    const made = new Map(history[index]);
    const object = path[index - 1]?.observation?.activeObject ?? 1;
    const parts = made.get(object) ?? [];
    if (node.invalid === null && node.call) {
      if (node.call.name === 'segment_box') {
        for (const id of parts) effects.set(id, 'dropped');
        made.set(object, [node.id]);
      } else if (node.call.name === 'add_point') made.set(object, [...parts, node.id]);
      else if (node.call.name === 'revert') {
        const kept = history[Number(node.call.arguments.turn)]?.get(object) ?? [];
        for (const id of parts) if (!kept.includes(id)) effects.set(id, 'reverted');
        for (const id of kept) effects.delete(id);
        made.set(object, kept);
      }
    }
    history.push(made);
  }
  return effects;
}

/**
 * IoU before the first turn and after each: as recorded, or with the accepted masks where a person accepted them and
 * nothing was recorded.
 */
function iousOf(trajectory: Trajectory, path: readonly TrajectoryNode[]): (number | null)[] {
  const target = acceptedTarget(trajectory);
  const after = path.map((node) => node.iou ?? (target && iouWith(target, node)));
  const isKnown = after.some((iou) => iou !== null);
  if (!isKnown) return [null, ...after];
  // Nothing is submitted at first, which is right only where nothing is to be found.
  const nothingToFind = target
    ? target.mask === null
    : path.some((node) => node.iou === 1 && submitted(node).length === 0);
  return [nothingToFind ? 1 : 0, ...after];
}

/** What a person accepted; a null mask: that there is nothing. */
function acceptedTarget({ outcome }: Trajectory): { mask: Rle | null } | null {
  if (outcome.status !== 'accepted') return null;
  const masks = outcome.masks.filter((mask) => rleArea(mask) > 0);
  return { mask: masks.length === 0 ? null : mergeRles(masks, 'union') };
}

function iouWith({ mask }: { mask: Rle | null }, node: TrajectoryNode): number | null {
  const answer = submitted(node);
  if (mask === null || answer.length === 0) return mask === null && answer.length === 0 ? 1 : 0;
  const union = mergeRles(answer, 'union');
  // An image that was replaced by one of another size.
  if (union.size[0] !== mask.size[0] || union.size[1] !== mask.size[1]) return null;
  const overlap = rleIntersectionUnion(union, mask);
  return overlap.intersection / overlap.union;
}

/** The masks that the turn would submit. */
function submitted(node: TrajectoryNode): Rle[] {
  if (node.ended === 'no_target') return [];
  return (node.observation?.objects ?? []).flatMap(({ mask }) => (mask && rleArea(mask) > 0 ? [mask] : []));
}
