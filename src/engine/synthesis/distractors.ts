import { boxArea, boxIou } from '@shared/geometry/box';
import type { Box, Size } from '@shared/geometry/types';
import { type Bitmap, bitmapBox } from '@shared/mask/bitmap';
import { type Rle, rleBox } from '@shared/mask/rle';
import { pick, seededRandom } from '@shared/random';
import type { DatasetTarget } from '../datasets';

/** Another thing's box may share at most this much with the target's (IoU of boxes). */
const mostShared = 0.3;
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
   * the target's own box, moved. Null where there is no room for one.
   */
  boxFor(target: DatasetTarget, truth: Bitmap, seed: number): Box | null {
    const random = seededRandom(seed);
    const own = bitmapBox(truth);
    const others = [...(this.byImage.get(imageOf(target)) ?? [])].flatMap((mask) => {
      const box = rleBox(mask);
      const isOther = box && boxArea(box) >= leastArea && (!own || boxIou(own, box) < mostShared);
      return isOther ? [box] : [];
    });
    if (others.length > 0) return pick(random, others);
    return own && displaced(own, truth, random);
  }
}

function imageOf(target: DatasetTarget): string {
  return target.imagePath ?? target.imageId ?? target.fileName;
}

/** A box of about the same size elsewhere in the image. */
function displaced(box: Box, { width, height }: Size, random: () => number): Box | null {
  for (let attempt = 0; attempt < attempts; attempt++) {
    const w = Math.min(width, (box.x2 - box.x1) * (0.7 + 0.6 * random()));
    const h = Math.min(height, (box.y2 - box.y1) * (0.7 + 0.6 * random()));
    const x1 = random() * (width - w);
    const y1 = random() * (height - h);
    const moved = { x1, y1, x2: x1 + w, y2: y1 + h };
    if (boxIou(box, moved) < mostShared / 2 && boxArea(moved) >= leastArea) return moved;
  }
  return null;
}
