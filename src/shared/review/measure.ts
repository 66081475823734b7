import { mergeRles, type Rle, rleArea, rleBbox, rleIntersectionUnion } from '../mask/rle';
import type { Author, Observation, Trajectory, TrajectoryNode } from '../trajectory/schema';
import { acceptedPath, authorOfPath } from '../trajectory/tree';

/** What a recorded trajectory answers: its masks, who made them, and the turns that led there. */
export interface ResultAnswer {
  /** One an object; empty when there is no target. */
  masks: Rle[];
  /** Predicted IoU of the object that was active at the end. */
  score: number | null;
  author: Author;
  /** Ids of the turns from the first to the answer. */
  path: string[];
}

export function answerOf(trajectory: Trajectory): ResultAnswer {
  const path = acceptedPath(trajectory);
  const last = lastObservation(trajectory, path);
  const { masks } = trajectory.outcome;
  return {
    masks,
    score: last.objects.find((object) => object.id === last.activeObject)?.predictedIou ?? null,
    author: authorOfPath(path),
    path: path.map((node) => node.id),
  };
}

/** How sure a result is, for sorting a review queue. */
export interface ResultMeasure {
  /** Lowest predicted IoU among the objects of the answer: a result is as good as its worst mask. Null without one. */
  score: number | null;
  /** 1 − IoU between all masks after the first segmentation call and all masks of the answer; null without such a call. */
  change: number | null;
  /** COCO bbox around all masks in pixels; null without a mask. */
  bbox: [number, number, number, number] | null;
}

export function measureResult(trajectory: Trajectory): ResultMeasure {
  const path = acceptedPath(trajectory);
  const last = lastObservation(trajectory, path);
  const { masks } = trajectory.outcome;
  const scores = last.objects.flatMap((object) =>
    object.mask && object.predictedIou !== null && rleArea(object.mask) > 0 ? [object.predictedIou] : [],
  );
  const first = path.find(
    (node) => node.invalid === null && (node.call?.name === 'segment_box' || node.call?.name === 'add_point'),
  )?.observation;
  const union = unionOf(masks);
  return {
    score: scores.length === 0 ? null : Math.min(...scores),
    change: first ? disagreementOf(masksOf(first), masks) : null,
    bbox: union && rleArea(union) > 0 ? rleBbox(union) : null,
  };
}

/** 1 − IoU of two answers about the same image, each the union of its masks; 0 when both are empty. */
export function disagreementOf(one: readonly Rle[], other: readonly Rle[]): number {
  const a = unionOf(one);
  const b = unionOf(other);
  const areaOf = (mask: Rle | null): number => (mask === null ? 0 : rleArea(mask));
  if (areaOf(a) === 0 && areaOf(b) === 0) return 0;
  if (a === null || b === null) return 1;
  const { intersection, union } = rleIntersectionUnion(a, b);
  return union === 0 ? 0 : 1 - intersection / union;
}

function lastObservation(trajectory: Trajectory, path: readonly TrajectoryNode[]): Observation {
  return path.filter((node) => node.observation !== null).at(-1)?.observation ?? trajectory.root;
}

function masksOf(observation: Observation): Rle[] {
  return observation.objects.flatMap((object) => (object.mask ? [object.mask] : []));
}

function unionOf(masks: readonly Rle[]): Rle | null {
  const [first] = masks;
  if (first === undefined) return null;
  return masks.length === 1 ? first : mergeRles(masks, 'union');
}
