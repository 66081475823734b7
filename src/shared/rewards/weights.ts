import { z } from 'zod';
import { MaskwrightError } from '../contract/errors';

const weight = z.number().min(0).max(100);

/**
 * Every weight of the rewards, in one place. What is left out of a configuration keeps its default, so `{}` is the
 * default configuration. The defaults are this project's choice, shaped by MedSAM-Agent and IBISAgent.
 *
 *     R = form · F + quality · clip(B − P + I, 0, 1)
 *     B = iou · IoU_T + dice · Dice_T
 *     P = regression · (max_t IoU_t − IoU_T) + turn · turns beyond the first mask + invalidCall · invalid calls
 *     I = improvement · Σ max(0, IoU_t − IoU_{t−1})
 */
export const rewardWeightsSchema = z.strictObject({
  form: weight.default(0.2),
  quality: weight.default(0.8),
  iou: weight.default(0.5),
  dice: weight.default(0.5),
  regression: weight.default(1),
  turn: weight.default(0.01),
  invalidCall: weight.default(0.05),
  improvement: weight.default(0.1),
  /**
   * Whether F asks for a segmentation call even where there is nothing to find. It does by default; a policy is then
   * paid for segmenting something before it reports that there is no target. False: the report alone is the full form.
   */
  noTargetNeedsMask: z.boolean().default(true),
  /** Of the process rewards: r_t = gain · ΔIoU_t + click · click_t + box · boxIoU_t + invalidCall · (−1 if invalid). */
  process: z
    .strictObject({
      gain: weight.default(1),
      click: weight.default(0.1),
      box: weight.default(0.1),
      invalidCall: weight.default(0.05),
    })
    .prefault({}),
});
export type RewardWeights = z.infer<typeof rewardWeightsSchema>;

export const defaultRewardWeights: RewardWeights = rewardWeightsSchema.parse({});

/**
 * A configuration with its defaults filled in.
 *
 * @param value parsed JSON: any part of the weights
 * @throws MaskwrightError INVALID_REQUEST that names the first weight that is wrong
 */
export function parseRewardWeights(value: unknown): RewardWeights {
  const parsed = rewardWeightsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MaskwrightError(
    'INVALID_REQUEST',
    `The reward weights cannot be used: ${issue?.path.join('.') || 'value'}: ${issue?.message ?? 'wrong form'}.`,
    { hint: 'Weights are numbers from 0 to 100; docs/rewards.md lists them.' },
  );
}
