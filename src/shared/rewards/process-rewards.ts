import type { Ending, RewardTurn } from './episode-reward';
import { defaultRewardWeights, type RewardWeights } from './weights';

/** The reward of one turn, and its terms before they are weighted. */
export interface ProcessReward {
  reward: number;
  /** IoU_t − IoU_{t−1}, with 0 before the first turn. Of no target: 1 for reporting that, else 0. */
  gain: number;
  /** 1: positive on a missing part or negative on a wrong one; −1: any other click; null: no click that ran. */
  click: 1 | -1 | null;
  /** IoU of a box with the target's; null: no box that ran. */
  box: number | null;
  invalid: boolean;
}

/** One reward a turn, in the order of the turns. */
export function processRewards(
  turns: readonly RewardTurn[],
  ending: Pick<Ending, 'noTarget'>,
  weights: RewardWeights = defaultRewardWeights,
): ProcessReward[] {
  return turns.map((turn, index) => {
    const gain = ending.noTarget
      ? Number(turn.valid && turn.tool === 'report_no_target')
      : turn.iou - (turns[index - 1]?.iou ?? 0);
    const click = turn.clickIsRight === null ? null : turn.clickIsRight ? 1 : -1;
    const w = weights.process;
    return {
      reward:
        w.gain * gain +
        w.click * (click ?? 0) +
        w.box * (turn.boxIou ?? 0) -
        w.invalidCall * Number(!turn.valid),
      gain,
      click,
      box: turn.boxIou,
      invalid: !turn.valid,
    };
  });
}
