import { boundaryF } from '../mask/boundary';
import { cropRle, decodeMask, type Rle, rleArea, rleBox, rleIou } from '../mask/rle';

/** Agreement of two sets of masks of one image. */

export interface LabelledMask {
  mask: Rle;
  className: string;
  isCrowd: boolean;
}

export interface Match<Item extends LabelledMask> {
  gold: Item;
  ours: Item;
  iou: number;
}

export interface ImageAgreement<Item extends LabelledMask> {
  /** The same object with the same class on both sides. */
  matched: Match<Item>[];
  /** The same object with another class. */
  confused: Match<Item>[];
  missed: Item[];
  extra: Item[];
  /** Crowds of either side, and masks of ours that lie on a crowd of the gold side. */
  ignored: Item[];
}

/**
 * Matches one to one, greedily: of all pairs of one class the one with the highest IoU first, down to the threshold; then
 * the same with what is left and other classes, which gives the confusions. At thresholds of 0.5 and above, and where the
 * masks of a side do not overlap, no other matching is possible (Kirillov et al., "Panoptic Segmentation", 2019).
 *
 * A crowd stands for any number of objects: a mask that has no partner and lies on a crowd of its class with at least
 * the threshold's share of its own area (COCO's IoU with crowds) is neither right nor wrong.
 */
export function agree<Item extends LabelledMask>(
  gold: readonly Item[],
  ours: readonly Item[],
  threshold: number,
): ImageAgreement<Item> {
  const goldObjects = gold.filter((item) => !item.isCrowd);
  const ourObjects = ours.filter((item) => !item.isCrowd);
  const crowds = gold.filter((item) => item.isCrowd);
  const pairs = overlapping(goldObjects, ourObjects, threshold);
  const taken = new Set<Item>();
  const take = (wanted: (pair: Match<Item>) => boolean): Match<Item>[] => {
    const list: Match<Item>[] = [];
    for (const pair of pairs) {
      if (!wanted(pair) || taken.has(pair.gold) || taken.has(pair.ours)) continue;
      taken.add(pair.gold).add(pair.ours);
      list.push(pair);
    }
    return list;
  };
  const matched = take((pair) => pair.gold.className === pair.ours.className);
  const isOnCrowd = (item: Item): boolean =>
    crowds.some(
      (crowd) => crowd.className === item.className && rleIou(item.mask, crowd.mask, true) >= threshold,
    );
  const onCrowds = ourObjects.filter((item) => !taken.has(item) && isOnCrowd(item));
  for (const item of onCrowds) taken.add(item);
  const confused = take(() => true);
  return {
    matched,
    confused,
    missed: goldObjects.filter((item) => !taken.has(item)),
    extra: ourObjects.filter((item) => !taken.has(item)),
    ignored: [...crowds, ...ours.filter((item) => item.isCrowd), ...onCrowds],
  };
}

/** Pairs at or above the threshold, highest IoU first, ties in the order of the lists. */
function overlapping<Item extends LabelledMask>(
  gold: readonly Item[],
  ours: readonly Item[],
  threshold: number,
): Match<Item>[] {
  const boxes = new Map([...gold, ...ours].map((item) => [item, rleBox(item.mask)]));
  const pairs: Match<Item>[] = [];
  for (const one of gold) {
    const a = boxes.get(one);
    if (!a) continue;
    for (const other of ours) {
      const b = boxes.get(other);
      if (!b || a.x1 >= b.x2 || b.x1 >= a.x2 || a.y1 >= b.y2 || b.y1 >= a.y2) continue;
      const iou = rleIou(other.mask, one.mask);
      if (iou >= threshold) pairs.push({ gold: one, ours: other, iou });
    }
  }
  return pairs.sort((a, b) => b.iou - a.iou);
}

/**
 * The boundary F measure of two masks of one size, with the tolerance that their image's diagonal gives. The same number
 * as {@link boundaryF} of the whole masks, computed only where they are.
 */
export function boundaryFOf(ours: Rle, gold: Rle): number {
  const [height, width] = gold.size;
  const boxes = [rleBox(ours), rleBox(gold)].filter((box) => box !== null);
  if (boxes.length === 0) return 1;
  // A mask's boundary pixels lie on it or just above or to the left of it.
  const part = {
    x1: Math.max(0, Math.min(...boxes.map((box) => box.x1)) - 1),
    y1: Math.max(0, Math.min(...boxes.map((box) => box.y1)) - 1),
    x2: Math.min(width, Math.max(...boxes.map((box) => box.x2)) + 1),
    y2: Math.min(height, Math.max(...boxes.map((box) => box.y2)) + 1),
  };
  const radius = Math.ceil(0.008 * Math.hypot(width, height));
  return boundaryF(decodeMask(cropRle(ours, part)), decodeMask(cropRle(gold, part)), radius);
}

/** Class names that differ in case or surrounding space name the same class. */
export function classKey(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

export function hasPixels({ mask }: LabelledMask): boolean {
  return rleArea(mask) > 0;
}

export interface NamedImage {
  /** As the file or the project names it; folders with forward or backward slashes. */
  name: string;
  width: number;
  height: number;
}

export interface MatchedImages<Gold extends NamedImage, Ours extends NamedImage> {
  pairs: { gold: Gold; ours: Ours }[];
  /** No image of that name. */
  unknown: Gold[];
  otherSize: Gold[];
  /** Several images have the name and the size. */
  ambiguous: Gold[];
}

/** Finds each image of a gold set in the project: by its whole name, else by the file name alone, then by its size. */
export function matchImages<Gold extends NamedImage, Ours extends NamedImage>(
  gold: readonly Gold[],
  ours: readonly Ours[],
): MatchedImages<Gold, Ours> {
  const byPath = grouped(ours, ({ name }) => pathKey(name));
  const byName = grouped(ours, ({ name }) => fileKey(name));
  const result: MatchedImages<Gold, Ours> = { pairs: [], unknown: [], otherSize: [], ambiguous: [] };
  const taken = new Set<Ours>();
  for (const image of gold) {
    const named = byPath.get(pathKey(image.name)) ?? byName.get(fileKey(image.name)) ?? [];
    const fitting = named.filter(({ width, height }) => width === image.width && height === image.height);
    const [found, other] = fitting;
    if (named.length === 0) result.unknown.push(image);
    else if (!found) result.otherSize.push(image);
    else if (other || taken.has(found)) result.ambiguous.push(image);
    else {
      taken.add(found);
      result.pairs.push({ gold: image, ours: found });
    }
  }
  return result;
}

const pathKey = (name: string): string =>
  name
    .replace(/\\/g, '/')
    .replace(/^(\.?\/)+/, '')
    .normalize('NFC');
const fileKey = (name: string): string => pathKey(name).split('/').at(-1) ?? '';

function grouped<Item>(items: readonly Item[], keyOf: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const list = groups.get(keyOf(item));
    if (list) list.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
