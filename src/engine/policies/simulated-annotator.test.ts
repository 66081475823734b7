import { defaultViewConfig } from '@shared/geometry/view';
import { type Bitmap, createBitmap, unionBitmaps } from '@shared/mask/bitmap';
import type { Trajectory } from '@shared/trajectory/schema';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { headerOf, runEpisode } from '../agent/episode';
import { Environment } from '../environment/environment';
import { ObservationRenderer } from '../environment/observation-image';
import { type SimulatedAnnotatorOptions, simulatedAnnotator } from './simulated-annotator';

function rectangle(x1: number, y1: number, x2: number, y2: number): Bitmap {
  const mask = createBitmap(100, 80);
  for (let y = y1; y < y2; y++) mask.data.fill(1, y * 100 + x1, y * 100 + x2);
  return mask;
}

async function episode(
  truth: Bitmap,
  options: Partial<SimulatedAnnotatorOptions> & { shift?: number; turnBudget?: number; ignore?: Bitmap } = {},
): Promise<{ trajectory: Trajectory; iou: number }> {
  const groundTruth = { mask: truth, ignore: options.ignore ?? null };
  const environment = new Environment({
    image: greyImage(100, 80),
    segmenter: shapeSegmenter({ shift: options.shift }),
    coordinates: 'norm1000',
    viewConfig: defaultViewConfig('norm1000'),
    turnBudget: options.turnBudget ?? 8,
    groundTruth,
  });
  const policy = simulatedAnnotator(groundTruth, options);
  const header = headerOf(environment, {
    id: 't',
    imageName: 'grey',
    query: 'it',
    policy: policy.identity,
    seed: 1,
  });
  const { trajectory, final } = await runEpisode(environment, policy, header, new ObservationRenderer());
  return { trajectory, iou: final.iou ?? 0 };
}

const names = (trajectory: Trajectory): (string | undefined)[] =>
  trajectory.nodes.map((node) => node.call?.name);

describe('simulated annotator', () => {
  it('boxes the target and finishes when the mask fits', async () => {
    const { trajectory, iou } = await episode(rectangle(10, 20, 50, 60));
    expect(names(trajectory)).toEqual(['segment_box', 'finish']);
    expect(iou).toBe(1);
  });

  it('clicks into the larger error and gains', async () => {
    const { trajectory, iou } = await episode(rectangle(10, 20, 50, 60), { shift: 8 });
    expect(names(trajectory).slice(0, 2)).toEqual(['segment_box', 'add_point']);
    expect(iou).toBeGreaterThan(trajectory.nodes[0]?.iou ?? 1);
    expect(trajectory.outcome.status).toBe('finished');
  });

  it('reverts a click that made it worse, never clicks there again, and ends on its best mask', async () => {
    // A thin target: every positive disc covers more background than target.
    const { trajectory, iou } = await episode(rectangle(10, 40, 90, 42), { shift: 30, patience: 3 });
    const best = Math.max(...trajectory.nodes.map((node) => node.iou ?? 0));
    expect(names(trajectory)).toContain('revert');
    expect(iou).toBe(best);
    const clicks = trajectory.nodes
      .filter((node) => node.call?.name === 'add_point')
      .map((node) => JSON.stringify(node.call));
    expect(new Set(clicks).size).toBe(clicks.length);
    for (const [index, node] of trajectory.nodes.entries()) {
      const before = trajectory.nodes[index - 1];
      if (node.call?.name === 'revert') expect(node.iou ?? 0).toBeGreaterThan(before?.iou ?? 1);
    }
    expect(trajectory.nodes.at(-1)?.call?.name).toBe('finish');
  });

  it.each([1, 2, 3, 4])('stays within a budget of %i turns', async (turnBudget) => {
    const { trajectory, iou } = await episode(rectangle(10, 20, 50, 60), { shift: 8, turnBudget });
    expect(trajectory.nodes.length).toBeLessThanOrEqual(turnBudget);
    expect(iou).toBe(Math.max(...trajectory.nodes.map((node) => node.iou ?? 0)));
  });

  it('reports that there is no target', async () => {
    const { trajectory, iou } = await episode(createBitmap(100, 80));
    expect(names(trajectory)).toEqual(['report_no_target']);
    expect(trajectory.outcome.status).toBe('no_target');
    expect(iou).toBe(1);
  });

  it('zooms to a small target first, and starts with a click when told to', async () => {
    const zoomed = await episode(rectangle(10, 20, 16, 26), { zoomBelow: 0.05 });
    expect(names(zoomed.trajectory).slice(0, 2)).toEqual(['zoom', 'segment_box']);
    const clicked = await episode(rectangle(10, 20, 50, 60), { start: 'point' });
    expect(clicked.trajectory.nodes[0]?.call).toMatchObject({
      name: 'add_point',
      arguments: { label: 'positive' },
    });
  });

  it('repeats itself for a seed and differs for another', async () => {
    const run = async (seed: number): Promise<unknown> =>
      (
        await episode(rectangle(10, 20, 50, 60), { boxJitter: 0.1, clickJitter: 0.3, seed })
      ).trajectory.nodes.map((node) => node.call);
    expect(await run(5)).toEqual(await run(5));
    expect(await run(5)).not.toEqual(await run(6));
  });

  it('takes something else for the target first, and finds the target again', async () => {
    const truth = rectangle(10, 20, 50, 60);
    const { trajectory, iou } = await episode(truth, { wrongFirst: { x1: 60, y1: 10, x2: 90, y2: 40 } });
    expect(names(trajectory)).toEqual(['segment_box', 'segment_box', 'finish']);
    expect(trajectory.nodes.map((node) => node.iou)).toEqual([0, 1, 1]);
    expect(iou).toBe(1);
    const nothing = await episode(createBitmap(100, 80), { wrongFirst: { x1: 60, y1: 10, x2: 90, y2: 40 } });
    expect(names(nothing.trajectory)).toEqual(['segment_box', 'report_no_target']);
    const short = await episode(truth, { wrongFirst: { x1: 60, y1: 10, x2: 90, y2: 40 }, turnBudget: 2 });
    expect(names(short.trajectory)).toEqual(['segment_box', 'finish']);
    const small = await episode(rectangle(10, 20, 16, 26), {
      wrongFirst: { x1: 60, y1: 10, x2: 90, y2: 40 },
      zoomBelow: 0.05,
      start: 'point',
    });
    expect(names(small.trajectory).slice(0, 3)).toEqual(['segment_box', 'zoom', 'segment_box']);
    expect(small.iou).toBe(1);
  });

  it('stops early at a low IoU, and late by clicks that it need not make', async () => {
    const truth = rectangle(10, 20, 50, 60);
    const early = await episode(truth, { shift: 8, targetIou: 0.6 });
    expect(names(early.trajectory)).toEqual(['segment_box', 'finish']);
    const late = await episode(truth, { shift: 8, targetIou: 0.6, lateClicks: 1 });
    expect(names(late.trajectory)).toEqual(['segment_box', 'add_point', 'finish']);
    expect(late.iou).toBeGreaterThan(early.iou);
  });

  it('corrects nothing on pixels that do not count', async () => {
    const truth = rectangle(10, 20, 50, 60);
    // The segmenter's box lies 8 pixels too far right: what it covers too much is ignored, what it misses is not.
    const beside = rectangle(50, 20, 60, 60);
    const { trajectory } = await episode(truth, { shift: 8, ignore: beside });
    expect(trajectory.nodes[0]?.iou).toBeCloseTo(0.8, 12);
    const clicks = trajectory.nodes.flatMap(({ call }) =>
      call?.name === 'add_point' ? [call.arguments] : [],
    );
    expect(clicks.length).toBeGreaterThan(0);
    for (const click of clicks) expect(click).toMatchObject({ label: 'positive' });
    const all = await episode(truth, { shift: 8 });
    const labels = all.trajectory.nodes.flatMap(({ call }) => call?.arguments.label ?? []);
    expect(labels).toContain('negative');
    // The same with the target in two objects.
    const parts = [rectangle(10, 20, 50, 60), rectangle(70, 20, 90, 60)];
    const two = parts.reduce(unionBitmaps);
    const more = await episode(two, {
      parts,
      shift: 8,
      ignore: unionBitmaps(beside, rectangle(90, 20, 100, 60)),
    });
    expect(more.trajectory.outcome.masks).toHaveLength(2);
    expect(more.trajectory.nodes.flatMap(({ call }) => call?.arguments.label ?? [])).not.toContain(
      'negative',
    );
  });

  it('gives up when clicks gain less than is wanted', async () => {
    const truth = rectangle(10, 20, 50, 60);
    const { trajectory } = await episode(truth, { shift: 8, leastGain: 0.5, patience: 1 });
    expect(names(trajectory)).toEqual(['segment_box', 'add_point', 'finish']);
  });

  it('segments the objects of a target one by one, or as one where the turns do not suffice', async () => {
    const parts = [rectangle(5, 5, 25, 25), rectangle(40, 40, 60, 60), rectangle(70, 5, 95, 30)];
    const truth = parts.reduce(unionBitmaps);
    const { trajectory, iou } = await episode(truth, { parts });
    expect(names(trajectory)).toEqual([
      'segment_box',
      'new_object',
      'segment_box',
      'new_object',
      'segment_box',
      'finish',
    ]);
    expect(iou).toBe(1);
    expect(trajectory.outcome.masks).toHaveLength(3);
    const together = await episode(truth, { parts, turnBudget: 5 });
    expect(names(together.trajectory)).not.toContain('new_object');
    const refined = await episode(truth, { parts, shift: 8, turnBudget: 24 });
    expect(refined.trajectory.outcome.masks).toHaveLength(3);
    const rough = await episode(truth, { parts, shift: 8, turnBudget: 24, targetIou: 0.1 });
    expect(refined.iou).toBeGreaterThan(rough.iou);
    expect(refined.trajectory.nodes.length).toBeLessThanOrEqual(24);
  });
});
