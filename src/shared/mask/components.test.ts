import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText } from '../../../tests/support/masks';
import { bitmapArea, bitmapBox, createBitmap, subtractBitmaps } from './bitmap';
import { connectedParts, keepLargest } from './components';

describe('connected parts', () => {
  it('separates corners by connectivity', () => {
    const mask = bitmapFromText('##..#', '..#..', '....#');
    expect(connectedParts(mask).parts).toEqual([
      { label: 1, area: 3, box: { x1: 0, y1: 0, x2: 3, y2: 2 } },
      { label: 2, area: 1, box: { x1: 4, y1: 0, x2: 5, y2: 1 } },
      { label: 3, area: 1, box: { x1: 4, y1: 2, x2: 5, y2: 3 } },
    ]);
    expect(connectedParts(mask, 4).parts.map((part) => part.area)).toEqual([2, 1, 1, 1]);
    expect([...connectedParts(mask, 4).labels]).toEqual([1, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 4]);
  });

  it('joins parts that meet further down', () => {
    const mask = bitmapFromText('#.#.#', '#.#.#', '#####');
    expect(connectedParts(mask, 4).parts).toEqual([
      { label: 1, area: 11, box: { x1: 0, y1: 0, x2: 5, y2: 3 } },
    ]);
  });

  it('labels as flooding does', () => {
    fc.assert(
      fc.property(anyBitmap, fc.constantFrom(4 as const, 8 as const), (bitmap, connectivity) => {
        const { labels, parts } = connectedParts(bitmap, connectivity);
        const flooded = new Int32Array(labels.length);
        let label = 0;
        bitmap.data.forEach((value, start) => {
          if (value === 0 || flooded[start] !== 0) return;
          label++;
          const stack = [start];
          flooded[start] = label;
          while (stack.length > 0) {
            const p = stack.pop()!;
            const [x, y] = [p % bitmap.width, Math.floor(p / bitmap.width)];
            for (let dy = -1; dy <= 1; dy++) {
              for (let dx = -1; dx <= 1; dx++) {
                if (connectivity === 4 && dx !== 0 && dy !== 0) continue;
                const [nx, ny] = [x + dx, y + dy];
                if (nx < 0 || ny < 0 || nx >= bitmap.width || ny >= bitmap.height) continue;
                const q = ny * bitmap.width + nx;
                if (bitmap.data[q] === 1 && flooded[q] === 0) {
                  flooded[q] = label;
                  stack.push(q);
                }
              }
            }
          }
        });
        expect(labels).toEqual(flooded);
        expect(parts.map((part) => part.label)).toEqual(parts.map((_, i) => i + 1));
        for (const part of parts) {
          const alone = {
            ...bitmap,
            data: Uint8Array.from(labels, (value) => (value === part.label ? 1 : 0)),
          };
          expect(part.area).toBe(bitmapArea(alone));
          expect(part.box).toEqual(bitmapBox(alone));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the largest part', () => {
    expect(keepLargest(bitmapFromText('#..##', '#....'))).toEqual(bitmapFromText('#....', '#....'));
    expect(keepLargest(bitmapFromText('#..##', '....#'))).toEqual(bitmapFromText('...##', '....#'));
    expect(keepLargest(createBitmap(3, 2))).toEqual(createBitmap(3, 2));
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const largest = keepLargest(bitmap);
        expect(connectedParts(largest).parts.length).toBe(bitmapArea(bitmap) > 0 ? 1 : 0);
        expect(bitmapArea(subtractBitmaps(largest, bitmap))).toBe(0);
      }),
    );
  });
});
