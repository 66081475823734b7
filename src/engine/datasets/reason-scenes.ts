import { createHash } from 'node:crypto';
import { bitmapArea, bitmapBox, createBitmap, unionBitmaps } from '@shared/mask/bitmap';
import { encodeMask } from '@shared/mask/rle';
import { fullName, uniqueName } from '@shared/scenes/names';
import { queryOf } from '@shared/scenes/queries';
import { drawIds, objectMask, type RenderedScene, renderScene } from '@shared/scenes/raster';
import { makeScene, type SceneSplit, splits } from '@shared/scenes/scene';
import type { ImageSource } from '../segmenters/segmenter';
import type { DatasetOptions, DatasetSource } from './dataset';
import { breathe } from './json-file';
import { type DatasetTarget, targetOf } from './target';

/** Scenes of a split unless a limit says how many: there is no end of them. */
const usualCount = 500;

/** Side of the pictures, px. */
const side = 336;

/** A scene's picture is named by what makes it. */
const pictureName = new RegExp(`^(${splits.join('|')})-(0|[1-9]\\d{0,8})\\.png$`);

/**
 * ReasonScenes, drawn as they are asked for: one target a scene, in the order of the seeds. Groups are the query's
 * kind: referring, reasoning, several or none.
 */
export function openReasonScenes({ limit }: DatasetOptions): DatasetSource {
  const count = limit ?? usualCount;
  return {
    name: 'ReasonScenes',
    splits,
    async *read(split) {
      for (const one of splits) {
        if (split !== null && one !== split) continue;
        for (let seed = 0; seed < count; seed += 1) {
          // Drawing takes many milliseconds, and nothing else in this loop waits.
          await breathe();
          yield sceneTarget(one, seed);
        }
      }
    },
    imageNamed(fileName) {
      const [, split, seed] = pictureName.exec(fileName) ?? [];
      const one = splits.find((known) => known === split);
      if (one === undefined) return null;
      return async () => sceneImage(renderScene(makeScene(one, Number(seed), side)));
    },
  };
}

function sceneTarget(split: SceneSplit, seed: number): DatasetTarget {
  const scene = makeScene(split, seed, side);
  const drawn = drawIds(scene);
  const masks = scene.objects.map((_, index) => objectMask(drawn, index));
  const query = queryOf(scene, masks.map(bitmapArea));
  const noTarget = query.targets.length === 0;
  const things = scene.objects.flatMap((object, index) => {
    const mask = masks[index];
    const box = mask && bitmapBox(mask);
    if (!mask || !box) return [];
    const isTarget = query.targets.includes(index);
    const name = uniqueName(object, scene.objects) ?? fullName(object);
    return [{ mask, box, name: isTarget && query.targets.length === 1 ? query.noun : name, isTarget }];
  });
  // Several are segmented from left to right: an order that can be seen.
  const named = things.filter(({ isTarget }) => isTarget).sort((a, b) => a.box.x1 - b.box.x1);
  const others = things.filter(({ isTarget }) => !isTarget);
  return targetOf({
    key: `${split}-${seed}`,
    fileName: `${split}-${seed}.png`,
    imageId: `${split}-${seed}`,
    query: query.text,
    groundTruth: noTarget
      ? null
      : encodeMask(named.map(({ mask }) => mask).reduce(unionBitmaps, createBitmap(side, side))),
    noTarget,
    split,
    groups: [query.kind],
    parts: named.length > 1 ? named.map(({ mask }) => encodeMask(mask)) : [],
    others: others.map(({ mask }) => encodeMask(mask)),
    naming: {
      query: query.noun,
      count: named.length,
      things: [...named, ...others].map(({ name, box }) => ({ name, box })),
    },
    open: async () => sceneImage(renderScene(scene)),
  });
}

/** The picture of a scene. Its hash is that of its size and pixels, since there is no file. */
function sceneImage({ width, height, rgb }: RenderedScene): ImageSource {
  const hash = createHash('sha256').update(`rgb ${width}x${height}\n`).update(rgb).digest('hex');
  return { hash, width, height, pixels: async () => ({ width, height, data: rgb }) };
}
