import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ToolName } from '../tools/definitions';
import { toolNames } from '../tools/definitions';
import { type Ending, episodeReward, type RewardTurn } from './episode-reward';
import { processRewards } from './process-rewards';
import { defaultRewardWeights, parseRewardWeights } from './weights';

/** A turn with the IoU after it; Dice is what that IoU says it is. */
function turn(tool: ToolName | null, iou: number, extra: Partial<RewardTurn> = {}): RewardTurn {
  return { tool, valid: true, iou, dice: (2 * iou) / (1 + iou), clickIsRight: null, boxIou: null, ...extra };
}

const target = (ended: Ending['ended']): Ending => ({ ended, noTarget: false });
const nothing = (ended: Ending['ended']): Ending => ({ ended, noTarget: true });

/** All values below were worked out by hand from the formula, with pencil and the default weights. */
describe('reward of an episode', () => {
  it('finishes after a perfect box: everything there is', () => {
    const { reward, terms } = episodeReward([turn('segment_box', 1), turn('finish', 1)], target('finished'));
    // B = 0.5 + 0.5; P = one turn beyond the first mask; I = 0.1 · (1 − 0); 1 − 0.01 + 0.1 is clipped to 1.
    expect(terms).toEqual({
      form: 1,
      answer: 1,
      penalty: 0.01,
      regression: 0,
      turns: 0.01,
      invalidCalls: 0,
      improvement: 0.1,
    });
    expect(reward).toBeCloseTo(1, 12);
  });

  it('improves by a click and finishes', () => {
    // IoU 0.6 has Dice 0.75.
    const turns = [turn('segment_box', 1 / 3), turn('add_point', 0.6), turn('finish', 0.6)];
    const { reward, terms } = episodeReward(turns, target('finished'));
    expect(terms.answer).toBeCloseTo(0.675, 12);
    expect(terms.penalty).toBeCloseTo(0.02, 12);
    expect(terms.improvement).toBeCloseTo(0.06, 12);
    // 0.2 + 0.8 · (0.675 − 0.02 + 0.06)
    expect(reward).toBeCloseTo(0.772, 12);
  });

  it('is truncated with a mask: half of the form', () => {
    const turns = [turn('segment_box', 0.6), turn('add_point', 0.6)];
    const { reward, terms } = episodeReward(turns, target('truncated'));
    expect(terms.form).toBe(0.5);
    // 0.1 + 0.8 · (0.675 − 0.01 + 0.06)
    expect(reward).toBeCloseTo(0.68, 12);
  });

  it('never has a mask', () => {
    const zoom = turn('zoom', 0);
    expect(episodeReward([zoom, zoom], target('truncated'))).toEqual({
      reward: 0,
      terms: {
        form: 0,
        answer: 0,
        penalty: 0,
        regression: 0,
        turns: 0,
        invalidCalls: 0,
        improvement: 0,
      },
    });
    expect(episodeReward([], target(null)).reward).toBe(0);
  });

  it('got worse and was submitted so', () => {
    const turns = [turn('segment_box', 0.6), turn('add_point', 1 / 3), turn('finish', 1 / 3)];
    const { reward, terms } = episodeReward(turns, target('finished'));
    // IoU 1/3 has Dice 1/2: B = 5/12; P = 0.6 − 1/3 + 0.02; I = 0.06.
    expect(terms.regression).toBeCloseTo(4 / 15, 12);
    expect(reward).toBeCloseTo(0.2 + 0.8 * (5 / 12 - 4 / 15 - 0.02 + 0.06), 12);
    expect(reward).toBeCloseTo(0.352, 12);
  });

  it('got worse and went back: only the turns are paid for', () => {
    const turns = [
      turn('segment_box', 0.6),
      turn('add_point', 1 / 3),
      turn('revert', 0.6),
      turn('finish', 0.6),
    ];
    const { terms } = episodeReward(turns, target('finished'));
    expect(terms.regression).toBe(0);
    expect(terms.penalty).toBeCloseTo(0.03, 12);
    // Going back counts as a gain: 0.6 − 0 and 0.6 − 1/3.
    expect(terms.improvement).toBeCloseTo(0.1 * (0.6 + 4 / 15), 12);
  });

  it('pays for invalid calls, before and after the first mask', () => {
    const turns = [
      turn(null, 0, { valid: false }),
      turn('segment_box', 0.6),
      turn('add_point', 0.6, { valid: false }),
      turn('finish', 0.6),
    ];
    const { reward, terms } = episodeReward(turns, target('finished'));
    expect(terms.invalidCalls).toBeCloseTo(0.1, 12);
    expect(terms.turns).toBeCloseTo(0.02, 12);
    expect(reward).toBeCloseTo(0.2 + 0.8 * (0.675 - 0.12 + 0.06), 12);
  });

  it('an invalid box is no segmentation call', () => {
    const turns = [turn('segment_box', 0, { valid: false })];
    expect(episodeReward(turns, target('truncated'))).toMatchObject({ reward: 0, terms: { form: 0 } });
  });

  it('reports rightly that there is no target', () => {
    const direct = episodeReward([turn('report_no_target', 1)], nothing('no_target'));
    expect(direct.terms).toMatchObject({ form: 0.5, answer: 1, penalty: 0, improvement: 0 });
    expect(direct.reward).toBeCloseTo(0.9, 12);
    const tried = episodeReward([turn('segment_box', 0), turn('report_no_target', 1)], nothing('no_target'));
    expect(tried.terms).toMatchObject({ form: 1, answer: 1, regression: 0, turns: 0.01, improvement: 0 });
    expect(tried.reward).toBeCloseTo(0.992, 12);
    const weights = parseRewardWeights({ noTargetNeedsMask: false });
    expect(episodeReward([turn('report_no_target', 1)], nothing('no_target'), weights).reward).toBeCloseTo(1);
  });

  it('reports wrongly that there is no target', () => {
    expect(episodeReward([turn('report_no_target', 0)], target('no_target')).reward).toBeCloseTo(0.1, 12);
    const lost = episodeReward([turn('segment_box', 0.6), turn('report_no_target', 0)], target('no_target'));
    // All that was there is given away: 0 − 0.6 − 0.01 + 0.06 is clipped to 0.
    expect(lost.terms.regression).toBeCloseTo(0.6, 12);
    expect(lost.reward).toBeCloseTo(0.2, 12);
  });

  it('submits a mask where there is no target', () => {
    const { reward, terms } = episodeReward([turn('segment_box', 0), turn('finish', 0)], nothing('finished'));
    expect(terms.answer).toBe(0);
    expect(reward).toBeCloseTo(0.2, 12);
    // The empty answer of a truncated episode agrees with the empty ground truth, and yet nothing was reported.
    expect(episodeReward([turn('zoom', 1)], nothing('truncated')).reward).toBe(0);
  });

  it('adds objects one after the other', () => {
    // Two equal halves of the target: IoU 1/2 with the first, 1 with both.
    const turns = [
      turn('segment_box', 0.5),
      turn('new_object', 0.5),
      turn('segment_box', 1),
      turn('finish', 1),
    ];
    const { reward, terms } = episodeReward(turns, target('finished'));
    expect(terms).toMatchObject({ answer: 1, regression: 0 });
    expect(terms.turns).toBeCloseTo(0.03, 12);
    expect(terms.improvement).toBeCloseTo(0.1, 12);
    expect(reward).toBeCloseTo(1, 12);
  });

  it('takes any part of the weights from a configuration, and refuses what it does not know', () => {
    const weights = parseRewardWeights({ form: 0, quality: 1, turn: 0.1, process: { click: 0 } });
    expect(weights).toMatchObject({ iou: 0.5, turn: 0.1, process: { gain: 1, click: 0, box: 0.1 } });
    const turns = [turn('segment_box', 0.6), turn('finish', 0.6)];
    expect(episodeReward(turns, target('finished'), weights).reward).toBeCloseTo(0.675 - 0.1 + 0.06, 12);
    expect(() => parseRewardWeights({ turns: 1 })).toThrow(/turns/);
    expect(() => parseRewardWeights({ iou: -1 })).toThrow(/iou/);
    expect(() => parseRewardWeights({ iou: Number.NaN })).toThrow(/iou/);
    expect(parseRewardWeights({})).toEqual(defaultRewardWeights);
  });

  it('lies in 0..1 and is a number for every episode', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { maxLength: 12 }), anyEnding, (turns, ending) => {
        const { reward, terms } = episodeReward(turns, ending);
        expect(reward).toBeGreaterThanOrEqual(0);
        expect(reward).toBeLessThanOrEqual(1 + 1e-12);
        for (const value of Object.values(terms)) expect(value).toBeGreaterThanOrEqual(0);
        expect(terms.penalty).toBeCloseTo(terms.regression + terms.turns + terms.invalidCalls, 9);
      }),
    );
  });

  it('never pays for an invalid call more at the same masks', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { minLength: 1, maxLength: 8 }), anyEnding, (turns, ending) => {
        const last = turns.at(-1)!;
        const more = [...turns, { ...last, tool: null, valid: false, clickIsRight: null, boxIou: null }];
        expect(episodeReward(more, ending).reward).toBeLessThanOrEqual(
          episodeReward(turns, ending).reward + 1e-12,
        );
      }),
    );
  });
});

describe('process rewards', () => {
  it('gives each turn its gain, its click and its box', () => {
    const turns = [
      turn('segment_box', 0.5, { boxIou: 0.8 }),
      turn('add_point', 0.7, { clickIsRight: true }),
      turn('add_point', 0.4, { clickIsRight: false }),
      turn('add_point', 0.4, { valid: false }),
      turn('finish', 0.4),
    ];
    const rewards = processRewards(turns, target('finished'));
    expect(rewards.map(({ gain }) => Number(gain.toFixed(9)))).toEqual([0.5, 0.2, -0.3, 0, 0]);
    expect(rewards.map(({ click }) => click)).toEqual([null, 1, -1, null, null]);
    expect(rewards.map(({ box }) => box)).toEqual([0.8, null, null, null, null]);
    expect(rewards.map(({ invalid }) => invalid)).toEqual([false, false, false, true, false]);
    // 0.5 + 0.1 · 0.8; 0.2 + 0.1; −0.3 − 0.1; −0.05; 0
    expect(rewards.map(({ reward }) => Number(reward.toFixed(9)))).toEqual([0.58, 0.3, -0.4, -0.05, 0]);
  });

  it('pays for the report where there is no target, and for nothing else', () => {
    const turns = [turn('segment_box', 0, { boxIou: 0 }), turn('revert', 1), turn('report_no_target', 1)];
    expect(processRewards(turns, nothing('no_target')).map(({ gain }) => gain)).toEqual([0, 0, 1]);
  });

  it('has gains that add up to the last IoU, and no value that is not a number', () => {
    fc.assert(
      fc.property(fc.array(anyTurn, { minLength: 1, maxLength: 12 }), (turns) => {
        const rewards = processRewards(turns, target('truncated'));
        const sum = rewards.reduce((total, { gain }) => total + gain, 0);
        expect(sum).toBeCloseTo(turns.at(-1)!.iou, 9);
        for (const { reward } of rewards) expect(Number.isFinite(reward)).toBe(true);
      }),
    );
  });
});

const anyTurn: fc.Arbitrary<RewardTurn> = fc
  .record({
    tool: fc.constantFrom(...toolNames, null),
    valid: fc.boolean(),
    iou: fc.double({ min: 0, max: 1, noNaN: true }),
    clickIsRight: fc.constantFrom(true, false, null),
    boxIou: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
  })
  .map((value) => ({ ...value, dice: (2 * value.iou) / (1 + value.iou) }));

const anyEnding: fc.Arbitrary<Ending> = fc.record({
  ended: fc.constantFrom('finished' as const, 'no_target' as const, 'truncated' as const, null),
  noTarget: fc.boolean(),
});
