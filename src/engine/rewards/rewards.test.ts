import { defaultViewConfig } from '@shared/geometry/view';
import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { episodeReward, type RewardTurn } from '@shared/rewards/episode-reward';
import type { RawCall } from '@shared/tools/definitions';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { newTrajectory, withOutcome } from '@shared/trajectory/tree';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { headerOf } from '../agent/episode';
import { takeTurn } from '../agent/turn';
import { Environment, type StepResult } from '../environment/environment';
import { measureTurn } from './measure-turn';
import { scoreTrajectory } from './score-trajectory';

const size = { width: 100, height: 100 };

function rectangles(...boxes: [number, number, number, number][]): Bitmap {
  const mask = createBitmap(size.width, size.height);
  for (const [x1, y1, x2, y2] of boxes) {
    for (let y = y1; y < y2; y++) mask.data.fill(1, y * size.width + x1, y * size.width + x2);
  }
  return mask;
}

/** Steps an environment in which a unit of the coordinates is a tenth of a pixel, and measures every turn. */
async function play(
  truth: Bitmap,
  calls: (RawCall | null)[],
  ignore: Bitmap | null = null,
): Promise<{ turns: RewardTurn[]; trajectory: Trajectory; last: StepResult }> {
  const environment = new Environment({
    image: greyImage(size.width, size.height),
    segmenter: shapeSegmenter(),
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: 8,
    groundTruth: { mask: truth, ignore },
  });
  const policy = { kind: 'test', name: 'test' };
  let last = environment.reset();
  const details = { id: 't', imageName: 'grey', query: 'it', policy, seed: null };
  let trajectory = newTrajectory(headerOf(environment, details), last.observation);
  const turns: RewardTurn[] = [];
  for (const call of calls) {
    const proposal = { thought: '', call, problem: null, raw: '', usage: {} };
    const { state } = last;
    const head = trajectory.nodes.at(-1)?.id ?? null;
    const taken = await takeTurn(trajectory, head, 'agent', { proposal, policyMs: 0 }, environment, state);
    trajectory = taken.trajectory;
    last = taken.result;
    const measured = { call, invalid: last.invalid, view: state.view, coordinates: 'norm1000' as const };
    turns.push(measureTurn(measured, state, last.state, { mask: truth, ignore }));
  }
  const status = last.state.ended ?? 'open';
  const node = trajectory.nodes.at(-1)?.id ?? null;
  trajectory = withOutcome(trajectory, { status, node, masks: [], category: null, message: null });
  return { turns, trajectory, last };
}

const box = (x1: number, y1: number, x2: number, y2: number): RawCall => ({
  name: 'segment_box',
  arguments: { x1: x1 * 10, y1: y1 * 10, x2: x2 * 10, y2: y2 * 10 },
});
const click = (x: number, y: number, label: 'positive' | 'negative'): RawCall => ({
  name: 'add_point',
  arguments: { x: x * 10, y: y * 10, label },
});
const plain = (name: string): RawCall => ({ name, arguments: {} });

describe('what a turn is worth', () => {
  it('measures box, IoU and Dice', async () => {
    const { turns } = await play(rectangles([10, 10, 50, 50]), [box(10, 10, 30, 50), plain('finish')]);
    expect(turns[0]).toMatchObject({ tool: 'segment_box', valid: true, iou: 0.5, boxIou: 0.5 });
    expect(turns[0]?.dice).toBeCloseTo(2 / 3, 12);
    expect(turns[1]).toMatchObject({ tool: 'finish', iou: 0.5, boxIou: null, clickIsRight: null });
  });

  it('judges a click by the errors before it', async () => {
    const truth = rectangles([10, 10, 50, 50]);
    const judged = async (call: RawCall): Promise<boolean | null | undefined> =>
      (await play(truth, [box(30, 10, 70, 50), call])).turns[1]?.clickIsRight;
    expect(await judged(click(20, 30, 'positive'))).toBe(true);
    expect(await judged(click(40, 30, 'positive'))).toBe(false);
    expect(await judged(click(60, 30, 'positive'))).toBe(false);
    expect(await judged(click(90, 90, 'positive'))).toBe(false);
    expect(await judged(click(60, 30, 'negative'))).toBe(true);
    expect(await judged(click(40, 30, 'negative'))).toBe(false);
    expect(await judged(click(20, 30, 'negative'))).toBe(false);
    expect(await judged(click(90, 90, 'negative'))).toBe(false);
  });

  it('judges a click on the very border, and in a zoomed view', async () => {
    const truth = rectangles([60, 60, 100, 100]);
    const first = await play(truth, [click(100, 100, 'positive')]);
    expect(first.turns[0]?.clickIsRight).toBe(true);
    const zoomed = await play(truth, [
      { name: 'zoom', arguments: { x1: 500, y1: 500, x2: 1000, y2: 1000 } },
      { name: 'add_point', arguments: { x: 100, y: 500, label: 'positive' } },
      { name: 'segment_box', arguments: { x1: 200, y1: 200, x2: 1000, y2: 1000 } },
    ]);
    // 55, 75 in the image lies left of the target; the box is the target's.
    expect(zoomed.turns[1]?.clickIsRight).toBe(false);
    expect(zoomed.turns[2]).toMatchObject({ boxIou: 1, iou: 1 });
  });

  it('compares a box with what other objects left, and a negative click with the active mask', async () => {
    const truth = rectangles([0, 0, 20, 20], [60, 60, 80, 80]);
    const { turns } = await play(truth, [
      box(0, 0, 40, 20),
      plain('new_object'),
      box(60, 60, 80, 80),
      click(30, 10, 'negative'),
    ]);
    expect(turns[0]?.boxIou).toBeCloseTo(800 / 6400, 12);
    expect(turns[2]?.boxIou).toBe(1);
    expect(turns[2]?.iou).toBeCloseTo(800 / 1200, 12);
    // The wrong half belongs to the first object; the click cannot take it away.
    expect(turns[3]).toMatchObject({ clickIsRight: false, valid: true });
  });

  it('gives invalid calls no click and no box', async () => {
    const { turns } = await play(rectangles([0, 0, 20, 20]), [
      click(50, 50, 'negative'),
      box(20, 0, 0, 20),
      null,
      { name: 'fly', arguments: {} },
    ]);
    expect(turns.map(({ tool }) => tool)).toEqual(['add_point', 'segment_box', null, null]);
    for (const turn of turns)
      expect(turn).toMatchObject({ valid: false, iou: 0, clickIsRight: null, boxIou: null });
  });

  it('submits nothing when it reports that there is no target', async () => {
    const wrong = await play(rectangles([0, 0, 20, 20]), [box(0, 0, 20, 20), plain('report_no_target')]);
    expect(wrong.turns.map(({ iou }) => iou)).toEqual([1, 0]);
    const right = await play(rectangles(), [box(0, 0, 20, 20), plain('report_no_target')]);
    expect(right.turns.map(({ iou, boxIou }) => [iou, boxIou])).toEqual([
      [0, 0],
      [1, null],
    ]);
    expect(scoreTrajectory(right.trajectory, { mask: rectangles(), ignore: null }).reward).toBeCloseTo(
      0.992,
      12,
    );
  });
});

describe('ignored pixels', () => {
  const truth = rectangles([10, 10, 50, 50]);
  const ignore = rectangles([50, 10, 90, 50]);

  it('count neither for nor against masks, and a click on them is neither right nor wrong', async () => {
    const calls = [
      box(10, 10, 90, 50),
      click(60, 30, 'negative'),
      click(60, 30, 'positive'),
      plain('finish'),
    ];
    const { turns, trajectory, last } = await play(truth, calls, ignore);
    expect(turns[0]).toMatchObject({ iou: 1, dice: 1 });
    expect(turns.map(({ clickIsRight }) => clickIsRight)).toEqual([null, null, null, null]);
    expect(trajectory.nodes.map(({ iou }) => iou)).toEqual([1, 1, 1, 1]);
    expect(last.iou).toBe(1);
    const { reward, turns: scored } = scoreTrajectory(trajectory, { mask: truth, ignore });
    expect(scored).toEqual(turns);
    // 1 − 3 turns · 0.01 + 0.1 · 1, at most 1.
    expect(reward).toBe(1);
    const counting = await play(truth, calls);
    expect(counting.turns[0]).toMatchObject({ iou: 0.5 });
    expect(counting.turns[1]?.clickIsRight).toBe(true);
    expect(scoreTrajectory(trajectory, { mask: truth, ignore: null }).reward).toBeLessThan(reward);
  });

  it('leave nothing to find when all of an answer lies on them', async () => {
    const { turns } = await play(rectangles(), [box(50, 10, 90, 50)], ignore);
    expect(turns[0]).toMatchObject({ iou: 1, dice: 1 });
  });
});

describe('score of a recorded trajectory', () => {
  it('gives the numbers that the episode had while it ran', async () => {
    const truth = rectangles([10, 10, 50, 50], [70, 70, 90, 90]);
    const { turns, trajectory, last } = await play(truth, [
      { name: 'zoom', arguments: { x1: 0, y1: 0, x2: 600, y2: 600 } },
      { name: 'segment_box', arguments: { x1: 100, y1: 166, x2: 700, y2: 800 } },
      null,
      click(20, 30, 'positive'),
      plain('zoom_out'),
      plain('new_object'),
      box(70, 70, 90, 90),
      plain('finish'),
    ]);
    const stored = parseTrajectory(JSON.parse(JSON.stringify(trajectory)));
    const scored = scoreTrajectory(stored, { mask: truth, ignore: null });
    expect(scored.turns).toEqual(turns);
    expect(scored.turns.at(-1)?.iou).toBe(last.iou);
    expect(scored.turns.map(({ iou }) => iou)).toEqual(trajectory.nodes.map(({ iou }) => iou));
    expect(scored.nodes).toEqual(trajectory.nodes.map(({ id }) => id));
    const { reward, terms } = episodeReward(turns, { ended: 'finished', noTarget: false });
    expect(scored).toMatchObject({ reward, terms });
    expect(scored.process).toHaveLength(8);
  });
});
