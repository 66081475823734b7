import type { Point, Size } from '@shared/geometry/types';
import { type Bitmap, bitmapArea, createBitmap } from '@shared/mask/bitmap';

/** The pixels whose centres lie inside the polygon (even-odd); null when there is none. */
export function fillPolygon(points: readonly Point[], size: Size): Bitmap | null {
  const bitmap = createBitmap(size.width, size.height);
  for (let row = 0; row < size.height; row++) {
    const y = row + 0.5;
    const crossings: number[] = [];
    points.forEach((a, index) => {
      const b = points[(index + 1) % points.length];
      if (b && a.y > y !== b.y > y) crossings.push(a.x + ((y - a.y) * (b.x - a.x)) / (b.y - a.y));
    });
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil((crossings[i] ?? 0) - 0.5));
      const to = Math.min(size.width, Math.ceil((crossings[i + 1] ?? 0) - 0.5));
      if (to > from) bitmap.data.fill(1, row * size.width + from, row * size.width + to);
    }
  }
  return bitmapArea(bitmap) > 0 ? bitmap : null;
}
