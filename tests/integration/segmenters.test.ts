import { openSegmenter } from '@engine/segmenters/open-segmenter';
import type { Prompt } from '@engine/segmenters/segmenter';
import { bitmapIou } from '@shared/mask/bitmap';
import { distanceTransform } from '@shared/mask/distance';
import { describe, expect, test } from 'vitest';
import {
  hasShared,
  pairs,
  readBaseline,
  readTargets,
  type Target,
  temporaryFolder,
} from './segmenters-support';

/** The point of the baselines: where OpenCV's exact distance transform of the padded mask is greatest. */
function interiorPoint({ truth }: Target): { x: number; y: number } {
  const distances = distanceTransform(truth, true);
  let best = 0;
  for (let i = 1; i < distances.length; i++) if (distances[i]! > distances[best]!) best = i;
  return { x: best % truth.width, y: Math.floor(best / truth.width) };
}

describe.skipIf(!hasShared)('surrogate pairs on real photographs', () => {
  for (const pair of ['sam1', 'sam2'] as const) {
    test(`${pair}: every object's IoU is the baseline's within 0.02`, async () => {
      const targets = await readTargets();
      expect(targets).toHaveLength(32);
      const segmenter = await openSegmenter({ ...pairs[pair], cacheDir: temporaryFolder(), provider: 'cpu' });
      expect(segmenter.identity).toEqual({ name: `surrogate_${pair}_decoder`, signature: pair });
      expect(segmenter.report()).toMatchObject({ surrogate: true, encoder: { actual: 'cpu', reasons: [] } });
      const off: string[] = [];
      let worst = 0;
      for (const kind of ['box', 'point'] as const) {
        const baseline = readBaseline(pair, kind);
        for (const target of targets) {
          const prompt: Prompt =
            kind === 'box'
              ? { box: target.box, points: [], lowRes: null }
              : { box: null, points: [{ ...interiorPoint(target), label: 'positive' }], lowRes: null };
          const { candidates, best } = await segmenter.segment(target.image, prompt);
          const mask = candidates[best]?.mask;
          const expected = baseline.get(target.refId);
          expect(mask).toBeDefined();
          expect(expected).toBeDefined();
          const iou = mask === undefined ? Number.NaN : bitmapIou(mask, target.truth);
          const difference = Math.abs(iou - (expected ?? Number.NaN));
          worst = Math.max(worst, difference);
          if (!(difference <= 0.02)) off.push(`${kind} ${target.refId}: ${iou.toFixed(4)}, not ${expected}`);
        }
      }
      console.info(`${pair}: largest difference from the baselines ${worst.toFixed(4)}`);
      expect(off).toEqual([]);
      // Images are encoded once for each of the 20 photographs that have targets, whatever the prompts.
      expect(segmenter.report().cache.misses).toBe(new Set(targets.map(({ image }) => image.hash)).size);
      await segmenter.close();
    });
  }
});
