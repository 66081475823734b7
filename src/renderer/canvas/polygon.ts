import type { Point, Size } from '@shared/geometry/types';
import { type Bitmap, bitmapArea } from '@shared/mask/bitmap';
import { polygonsToMask } from '@shared/mask/polygon';

/** The pixels whose centres lie inside the polygon (even-odd); null when there is none. */
export function fillPolygon(points: readonly Point[], size: Size): Bitmap | null {
  const outer = points.flatMap(({ x, y }) => [x, y]);
  const bitmap = polygonsToMask([{ outer, holes: [] }], size);
  return bitmapArea(bitmap) > 0 ? bitmap : null;
}
