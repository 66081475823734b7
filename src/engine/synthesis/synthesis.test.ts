import { createBitmap, unionBitmaps } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { drawPlan, parseAnnotatorMix } from '@shared/synthesis/annotator-mix';
import { defaultConventions } from '@shared/tools/conventions';
import { judgeTrajectory } from '@shared/trajectory/learnable';
import { parseTrajectory } from '@shared/trajectory/migrations';
import type { Trajectory } from '@shared/trajectory/schema';
import { describe, expect, it } from 'vitest';
import { greyImage, shapeSegmenter } from '../../../tests/support/shape-segmenter';
import { annotateImage } from '../batch/annotate';
import { type DatasetTarget, targetOf } from '../datasets';
import { ObservationRenderer } from '../environment/observation-image';
import { simulatedAnnotator } from '../policies/simulated-annotator';
import { Distractors } from './distractors';
import { withWrongHypothesis } from './simulated-policies';

const size = { width: 100, height: 80 };

function rectangle(x1: number, y1: number, x2: number, y2: number) {
  const mask = createBitmap(size.width, size.height);
  for (let y = y1; y < y2; y++) mask.data.fill(1, y * size.width + x1, y * size.width + x2);
  return mask;
}

describe('something to take for the target', () => {
  const parts = [rectangle(5, 5, 25, 25), rectangle(60, 40, 90, 70)];
  const whole = parts.reduce(unionBitmaps);
  const target = (change: Partial<DatasetTarget>): DatasetTarget =>
    targetOf({ key: 'a', fileName: 'a.png', imageId: '1', groundTruth: encodeMask(whole), ...change });
  const boxes = (one: DatasetTarget, ignore: ReturnType<typeof rectangle> | null = null) => {
    const distractors = new Distractors();
    distractors.add(one);
    return Array.from({ length: 40 }, (_, seed) => distractors.boxFor(one, { mask: whole, ignore }, seed));
  };

  it('is no part of the target, nothing that holds one, and nothing that is ignored', () => {
    const other = rectangle(40, 5, 55, 20);
    const beside = rectangle(70, 5, 95, 25);
    const others = [
      ...parts,
      rectangle(0, 0, 30, 30),
      rectangle(62, 42, 75, 60),
      rectangle(0, 0, 100, 80),
      beside,
      other,
    ].map(encodeMask);
    for (const given of [{ others }, { others, parts: parts.map(encodeMask) }]) {
      for (const box of boxes(target(given), beside)) expect(box).toEqual({ x1: 40, y1: 5, x2: 55, y2: 20 });
    }
    const counting = new Set(boxes(target({ others })).map((box) => box?.x1));
    expect([...counting].sort()).toEqual([40, 70]);
  });

  it('is elsewhere than each of the target’s objects where nothing else is known', () => {
    for (const box of boxes(target({ parts: parts.map(encodeMask) }))) {
      if (!box) continue;
      for (const part of [
        { x1: 5, y1: 5, x2: 25, y2: 25 },
        { x1: 60, y1: 40, x2: 90, y2: 70 },
      ]) {
        const width = Math.min(box.x2, part.x2) - Math.max(box.x1, part.x1);
        const height = Math.min(box.y2, part.y2) - Math.max(box.y1, part.y1);
        // Whole pixels count, so that a pixel more may be touched.
        const area = Math.max(0, width - 1) * Math.max(0, height - 1);
        expect(area).toBeLessThanOrEqual(0.1 * (part.x2 - part.x1) * (part.y2 - part.y1));
      }
    }
  });
});

describe('a hypothesis that was wrong on purpose', () => {
  const mix = parseAnnotatorMix({ wrongFirst: 1 });
  const mask = rectangle(10, 20, 50, 60);

  async function episode(wrongFirst: Parameters<typeof simulatedAnnotator>[1]): Promise<Trajectory> {
    const trajectory = await annotateImage(greyImage(size.width, size.height), {
      id: 't',
      imageName: 'grey',
      query: 'it',
      policy: simulatedAnnotator({ mask, ignore: null }, wrongFirst),
      segmenter: shapeSegmenter(),
      conventions: defaultConventions,
      turnBudget: 8,
      truth: { mask, ignore: null },
      seed: 1,
      renderer: new ObservationRenderer(),
    });
    return parseTrajectory(JSON.parse(JSON.stringify(trajectory)));
  }
  const reasons = (trajectory: Trajectory) =>
    judgeTrajectory(trajectory, { minIou: 0 }).turns.map(({ reason }) => reason);
  /** As an earlier version wrote it. */
  const unrecorded = (trajectory: Trajectory): Trajectory => ({
    ...trajectory,
    nodes: trajectory.nodes.map(({ wrongOnPurpose: _, ...node }) => node),
  });

  it('is not imitated however well it hit, since it is recorded', async () => {
    expect(drawPlan(mix, 1).wrongFirst).toBe(true);
    // Of a box that holds the target, IoU 0.71: not to be told from a coarse first box by its result.
    const close = await episode({ wrongFirst: { x1: 10, y1: 20, x2: 66, y2: 60 } });
    expect(close.nodes[0]?.iou).toBeGreaterThan(0.5);
    expect(close.nodes.map(({ wrongOnPurpose }) => wrongOnPurpose)).toEqual([true, false, false]);
    for (const trajectory of [close, withWrongHypothesis(close, mix)]) {
      expect(reasons(trajectory)).toEqual(['rejected', null, null]);
    }
    expect(withWrongHypothesis(close, mix).verdicts).toHaveLength(1);
  });

  it('is not guessed where it is recorded that nothing was', async () => {
    // A box that missed by jitter, in an episode whose image had nothing else to take.
    const missed = await episode({ wrongFirst: { x1: 60, y1: 20, x2: 90, y2: 60 } });
    const recorded = { ...missed, nodes: missed.nodes.map((node) => ({ ...node, wrongOnPurpose: false })) };
    expect(withWrongHypothesis(recorded, mix).verdicts).toEqual([]);
  });

  it('is guessed of episodes that did not record it', async () => {
    const missed = unrecorded(await episode({ wrongFirst: { x1: 60, y1: 20, x2: 90, y2: 60 } }));
    expect(reasons(withWrongHypothesis(missed, mix))[0]).toBe('rejected');
    const straight = unrecorded(await episode({}));
    expect(withWrongHypothesis(straight, mix).verdicts).toEqual([]);
  });
});
