import { MaskwrightError } from '@shared/contract/errors';
import { decodeMask } from '@shared/mask/rle';
import { type AnnotatorMix, drawPlan } from '@shared/synthesis/annotator-mix';
import type { Trajectory, TrajectoryNode, Verdict } from '@shared/trajectory/schema';
import { acceptedPath, appendVerdict } from '@shared/trajectory/tree';
import type { BatchOptions } from '../batch/annotate';
import { simulatedAnnotator } from '../policies/simulated-annotator';
import type { Distractors } from './distractors';

/** Simulated annotators for the episodes of a synthesis, each with a plan drawn by the episode's seed. */
export function simulatedPolicies(mix: AnnotatorMix, distractors: Distractors): BatchOptions['policyFor'] {
  return (target, truth, seed) => {
    if (!truth) throw new MaskwrightError('INVALID_REQUEST', `${target.key} has no ground truth.`);
    const plan = drawPlan(mix, seed);
    const wrongFirst = plan.wrongFirst ? distractors.boxFor(target, truth, plan.seed) : null;
    const parts = (target.parts ?? []).map(decodeMask);
    return simulatedAnnotator(truth, { ...plan, wrongFirst, parts });
  };
}

/** Rejects the hypotheses that were wrong on purpose: they stay as context of the recovery, and are not imitated. */
export function withWrongHypothesis(trajectory: Trajectory, mix: AnnotatorMix): Trajectory {
  const isRecorded = trajectory.nodes.some(({ wrongOnPurpose }) => wrongOnPurpose !== undefined);
  if (!isRecorded) return withGuessedHypothesis(trajectory, mix);
  return trajectory.nodes
    .filter(({ wrongOnPurpose }) => wrongOnPurpose)
    .reduce((judged, node) => appendVerdict(judged, rejectionOf(node)), trajectory);
}

/**
 * For episodes of earlier versions, which did not record it: a box that missed and that another box replaced, or that a
 * report of no target followed, in an episode that was planned to begin with something else.
 */
function withGuessedHypothesis(trajectory: Trajectory, mix: AnnotatorMix): Trajectory {
  const { seed } = trajectory.header;
  if (seed === null || !drawPlan(mix, seed).wrongFirst) return trajectory;
  const [first, ...rest] = acceptedPath(trajectory);
  const isReplaced = rest.some(
    ({ call }) => call?.name === 'segment_box' || call?.name === 'report_no_target',
  );
  const isWrong = first?.call?.name === 'segment_box' && (first.iou ?? 0) < 0.5 && isReplaced;
  return first && isWrong ? appendVerdict(trajectory, rejectionOf(first)) : trajectory;
}

function rejectionOf({ id, at }: TrajectoryNode): Verdict {
  return { node: id, verdict: 'rejected', by: 'simulator', replacement: null, reason: null, at };
}
