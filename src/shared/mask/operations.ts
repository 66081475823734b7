import { boxArea, uniteBoxes } from '../geometry/box';
import type { Point, Size } from '../geometry/types';
import { bitmapArea } from './bitmap';
import { fillHoles, growMask, shrinkMask, smoothMask } from './morphology';
import {
  decodePlaced,
  encodePlaced,
  type PlacedMask,
  placedIou,
  subtractPlaced,
  unionPlaced,
} from './placed';
import { rleBox } from './rle-runs';
import type { Rle } from './rle-string';
import { cutMask, largestPart, splitMask } from './split';

/** What can be done to a whole mask, as plain data in and out, so that a worker can do it as well. */
export type MaskOperation =
  | { kind: 'fill' | 'largest' | 'split' }
  /** `amount` in pixels. */
  | { kind: 'smooth' | 'grow' | 'shrink'; amount: number }
  | { kind: 'subtract' | 'join'; others: readonly Rle[] }
  /** Two or more points in image pixels. */
  | { kind: 'cut'; line: readonly Point[] };

export interface OperationResult {
  /** The first takes the mask's place. Empty: nothing would be left. */
  masks: readonly Rle[];
  /** Pixels of each of them. */
  areas: readonly number[];
  /** Pixels of the mask as it was. */
  areaBefore: number;
  /** False when the mask would stay as it is. */
  changes: boolean;
  /** Which pixels of one resulting mask were there before, which are new, and which went; null for none. */
  stays: Rle | null;
  comes: Rle | null;
  goes: Rle | null;
}

/** Does it to a mask of an image whose size the run lengths tell. Throws MaskFormatError for damaged ones. */
export function operate(mask: Rle, operation: MaskOperation): OperationResult {
  const [height, width] = mask.size;
  const size = { width, height };
  const before = decodePlaced(mask);
  const masks = before === null ? [] : resultOf(before, operation, size);
  const [first] = masks;
  const one = masks.length === 1 && first !== undefined && before !== null ? first : null;
  const comes = one && before && subtractPlaced(one, [before]);
  const encoded = (part: PlacedMask | null): Rle | null => part && encodePlaced(part, size);
  return {
    masks: masks.map((part) => encodePlaced(part, size)),
    areas: masks.map(bitmapArea),
    areaBefore: before === null ? 0 : bitmapArea(before),
    changes: one === null || placedIou(before, one) < 1,
    stays: encoded(one && comes ? subtractPlaced(one, [comes]) : one),
    comes: encoded(comes),
    goes: encoded(one && before && subtractPlaced(before, [one])),
  };
}

/** Pixels of the parts of the image that it has to decode: what time and memory go by. */
export function operationPixels(mask: Rle, operation: MaskOperation): number {
  const boxes = [mask, ...('others' in operation ? operation.others : [])].flatMap(
    (rle) => rleBox(rle) ?? [],
  );
  const [first] = boxes;
  if (first === undefined) return 0;
  if (operation.kind === 'join') return boxArea(boxes.reduce(uniteBoxes));
  return boxes.reduce((sum, box) => sum + boxArea(box), 0);
}

function resultOf(mask: PlacedMask, operation: MaskOperation, size: Size): readonly PlacedMask[] {
  const one = (result: PlacedMask | null): readonly PlacedMask[] => (result ? [result] : []);
  switch (operation.kind) {
    case 'fill':
      return one(fillHoles(mask));
    case 'smooth':
      return one(smoothMask(mask, operation.amount, size));
    case 'grow':
      return one(growMask(mask, operation.amount, size));
    case 'shrink':
      return one(shrinkMask(mask, operation.amount, size));
    case 'largest':
      return one(largestPart(mask));
    case 'split':
      return splitMask(mask);
    case 'subtract':
      return one(subtractPlaced(mask, decoded(operation.others)));
    case 'join':
      return one(unionPlaced([mask, ...decoded(operation.others)]));
    case 'cut':
      return cutMask(mask, operation.line);
  }
}

function decoded(rles: readonly Rle[]): PlacedMask[] {
  return rles.flatMap((rle) => decodePlaced(rle) ?? []);
}
