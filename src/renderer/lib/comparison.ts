import { emptyRle, mergeRles, type Rle, rleArea, rleIou, subtractRle } from '@shared/mask/rle';
import type { Observation } from '@shared/trajectory/schema';

/** On the picture, in both themes: told apart with any colour vision. */
export const comparisonColor = { onlyA: '#56b4e9', onlyB: '#e69f00', both: '#21c48c' } as const;

/** Two turns' masks laid over each other, all objects of each taken together. Areas in pixels. */
export interface Comparison {
  onlyA: Rle;
  onlyB: Rle;
  both: Rle;
  areas: { onlyA: number; onlyB: number; both: number };
  /** 0..1; 1 where neither has a mask. */
  iou: number;
}

export function compareTurns(
  a: Observation,
  b: Observation,
  image: { width: number; height: number },
): Comparison {
  const [maskA, maskB] = [maskOf(a, image), maskOf(b, image)];
  const both = mergeRles([maskA, maskB], 'intersection');
  const onlyA = subtractRle(maskA, maskB);
  const onlyB = subtractRle(maskB, maskA);
  const areas = { onlyA: rleArea(onlyA), onlyB: rleArea(onlyB), both: rleArea(both) };
  const isEmpty = areas.onlyA + areas.onlyB + areas.both === 0;
  return { onlyA, onlyB, both, areas, iou: isEmpty ? 1 : rleIou(maskA, maskB) };
}

function maskOf(observation: Observation, image: { width: number; height: number }): Rle {
  const masks = observation.objects.flatMap(({ mask }) => (mask ? [mask] : []));
  return masks.length === 0 ? emptyRle([image.height, image.width]) : mergeRles(masks, 'union');
}
