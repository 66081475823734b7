import { clamp } from '../geometry/box';
import type { ToolName } from '../tools/definitions';
import { defaultRewardWeights, type RewardWeights } from './weights';

/** What rewards need to know of one turn. All numbers are of the state after it. */
export interface RewardTurn {
  /** Null when the answer held no call, or one of no tool that exists. */
  tool: ToolName | null;
  /** Whether the environment ran the call. */
  valid: boolean;
  /** Of the union of all masks with the ground truth, 0..1. */
  iou: number;
  dice: number;
  /** A click: whether it was positive on a missing part or negative on a wrong one; null for any other call. */
  clickIsRight: boolean | null;
  /** A box: its IoU with the target's box, 0..1; null for any other call. */
  boxIou: number | null;
}

export interface Ending {
  /** Null while the episode goes on: the reward is then that of stopping here without an end. */
  ended: 'finished' | 'no_target' | 'truncated' | null;
  /** Whether the query names nothing in the image. */
  noTarget: boolean;
}

/** The terms of an episode's reward by name, before they are weighted with `form` and `quality`. */
export interface RewardTerms {
  /** F: 1 for a segmentation call and an end by the policy, 0.5 for one of the two, else 0. */
  form: number;
  /** B: how good the submitted masks are; of no target 1 when that was reported, else 0. */
  answer: number;
  /** P: the sum of the three that follow. */
  penalty: number;
  regression: number;
  turns: number;
  invalidCalls: number;
  /** I: what the turns gained. */
  improvement: number;
}

export interface EpisodeReward {
  reward: number;
  terms: RewardTerms;
}

/**
 * The reward of an episode, see {@link RewardWeights} for the formula. Where there is no target there is no IoU to gain
 * or lose: regression and improvement are 0.
 */
export function episodeReward(
  turns: readonly RewardTurn[],
  ending: Ending,
  weights: RewardWeights = defaultRewardWeights,
): EpisodeReward {
  const last = turns.at(-1) ?? { iou: 0, dice: 0 };
  const firstMask = turns.findIndex(isSegmentation);
  const ious = ending.noTarget ? [] : turns.map((turn) => turn.iou);

  const endedByPolicy = ending.ended === 'finished' || ending.ended === 'no_target';
  const segmented = firstMask >= 0 || (ending.noTarget && !weights.noTargetNeedsMask);
  const form = (segmented ? 0.5 : 0) + (endedByPolicy ? 0.5 : 0);

  const answer = ending.noTarget
    ? Number(ending.ended === 'no_target')
    : weights.iou * last.iou + weights.dice * last.dice;

  const best = ious.reduce((a, b) => Math.max(a, b), 0);
  const regression = ending.noTarget ? 0 : weights.regression * (best - last.iou);
  const beyond = firstMask < 0 ? 0 : turns.length - firstMask - 1;
  const turnCost = weights.turn * beyond;
  const invalidCalls = weights.invalidCall * turns.filter((turn) => !turn.valid).length;
  const penalty = regression + turnCost + invalidCalls;

  const improvement =
    weights.improvement * ious.reduce((sum, iou, t) => sum + Math.max(0, iou - (ious[t - 1] ?? 0)), 0);

  return {
    reward: weights.form * form + weights.quality * clamp(answer - penalty + improvement, 0, 1),
    terms: { form, answer, penalty, regression, turns: turnCost, invalidCalls, improvement },
  };
}

export function isSegmentation(turn: Pick<RewardTurn, 'tool' | 'valid'>): boolean {
  return turn.valid && (turn.tool === 'segment_box' || turn.tool === 'add_point');
}
