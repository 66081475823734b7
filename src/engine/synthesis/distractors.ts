import { boxArea, boxIou } from '@shared/geometry/box';
import type { Box, Size } from '@shared/geometry/types';
import { bitmapArea, bitmapBox, bitmapIntersectionUnion, cropBitmap } from '@shared/mask/bitmap';
import { decodeMask, type Rle, rleBox } from '@shared/mask/rle';
import { pick, seededRandom } from '@shared/random';
import type { DatasetTarget } from '../datasets';
import type { GroundTruth } from '../environment/ground-truth';

/** Another thing's box may share at most this much with the target's, and with each of its objects' (IoU of boxes). */
const mostShared = 0.3;
/** It may have at most this share of its pixels, and of the target's, in common with the target. */
const mostCommon = 0.1;
/** At least this share of it has to count, or taking it for the target would be no error. */
const leastCounted = 0.5;
/** A thing smaller than this is none to take for the target, px². */
const leastArea = 64;
const attempts = 20;

/** What the data set knows to be in each image: the targets there, and what they tell of other things. */
export class Distractors {
  private readonly byImage = new Map<string, Set<Rle>>();

  add(target: DatasetTarget): void {
    const known = this.byImage.get(imageOf(target)) ?? new Set();
    for (const mask of [target.groundTruth, ...(target.others ?? [])]) if (mask) known.add(mask);
    this.byImage.set(imageOf(target), known);
  }

  /**
   * The box of something that could be taken for the target: another annotation of the image where there is one, else
   * the target's own box, moved. Null where there is no room for one. Never a part of the target, or what holds it.
   */
  boxFor(target: DatasetTarget, truth: GroundTruth, seed: number): Box | null {
    const random = seededRandom(seed);
    const own = bitmapBox(truth.mask);
    const parts = (target.parts ?? []).map(decodeMask);
    const boxes = [own, ...parts.map(bitmapBox)].flatMap((box) => box ?? []);
    const others = [...(this.byImage.get(imageOf(target)) ?? [])].flatMap((mask) => {
      const box = rleBox(mask);
      if (!box || boxArea(box) < leastArea || boxes.some((one) => boxIou(one, box) >= mostShared)) return [];
      return isApart(mask, truth) ? [box] : [];
    });
    if (others.length > 0) return pick(random, others);
    if (!own) return null;
    const targets = parts.length > 1 ? parts : [truth.mask];
    return displaced(own, truth.mask, random, (box) =>
      targets.every((mask) => bitmapArea(cropBitmap(mask, box)) <= mostCommon * bitmapArea(mask)),
    );
  }
}

/** Whether a mask of the image is something else than the target, and not mostly ignored. */
function isApart(mask: Rle, { mask: target, ignore }: GroundTruth): boolean {
  const other = decodeMask(mask);
  if (other.width !== target.width || other.height !== target.height) return false;
  const area = bitmapArea(other);
  const { intersection } = bitmapIntersectionUnion(other, target);
  if (intersection > mostCommon * Math.min(area, bitmapArea(target))) return false;
  const ignored = ignore ? bitmapIntersectionUnion(other, ignore).intersection : 0;
  return area - ignored >= leastCounted * area;
}

function imageOf(target: DatasetTarget): string {
  return target.imagePath ?? target.imageId ?? target.fileName;
}

/** A box of about the same size elsewhere in the image. */
function displaced(
  box: Box,
  { width, height }: Size,
  random: () => number,
  isApart: (box: Box) => boolean,
): Box | null {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const w = Math.min(width, (box.x2 - box.x1) * (0.7 + 0.6 * random()));
    const h = Math.min(height, (box.y2 - box.y1) * (0.7 + 0.6 * random()));
    const x1 = random() * (width - w);
    const y1 = random() * (height - h);
    const moved = { x1, y1, x2: x1 + w, y2: y1 + h };
    if (boxIou(box, moved) < mostShared / 2 && boxArea(moved) >= leastArea && isApart(moved)) return moved;
  }
  return null;
}
