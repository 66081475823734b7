import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyPlaced, bitmapFromText, wholeBitmap } from '../../../tests/support/masks';
import { seededRandom } from '../random';
import { type Bitmap, bitmapArea, createBitmap } from './bitmap';
import { connectedParts } from './components';
import { fillHoles, growMask, shrinkMask, smoothMask } from './morphology';

const anyReach = fc.oneof(fc.integer({ min: 1, max: 6 }), fc.constantFrom(0.5, 1.5, 2.3));

/** By the definition: every pixel looks at the whole disc around it. */
function byDisc(
  mask: Bitmap,
  radius: number,
  decide: (set: number, all: number, value: number) => boolean,
): Bitmap {
  const result = createBitmap(mask.width, mask.height);
  const reach = Math.floor(radius);
  for (let y = 0; y < mask.height; y++) {
    for (let x = 0; x < mask.width; x++) {
      let set = 0;
      let all = 0;
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          if (dx * dx + dy * dy > radius * radius) continue;
          const [px, py] = [x + dx, y + dy];
          if (px < 0 || py < 0 || px >= mask.width || py >= mask.height) continue;
          all++;
          set += mask.data[py * mask.width + px]!;
        }
      }
      const i = y * mask.width + x;
      result.data[i] = decide(set, all, mask.data[i]!) ? 1 : 0;
    }
  }
  return result;
}

function transposed({ width, height, data }: Bitmap): Bitmap {
  const result = createBitmap(height, width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result.data[x * height + y] = data[y * width + x]!;
  }
  return result;
}

describe('morphology', () => {
  it('grows by the exact disc', () => {
    fc.assert(
      fc.property(anyPlaced, anyReach, ({ mask, size }, radius) => {
        const whole = wholeBitmap(mask, size);
        const grown = wholeBitmap(growMask(mask, radius, size), size);
        expect(grown).toEqual(byDisc(whole, radius, (set) => set > 0));
        expect(bitmapArea(grown)).toBeGreaterThanOrEqual(bitmapArea(whole));
      }),
    );
  });

  it('shrinks by the exact disc, but not from the border of the image', () => {
    fc.assert(
      fc.property(anyPlaced, anyReach, ({ mask, size }, radius) => {
        const whole = wholeBitmap(mask, size);
        const shrunk = wholeBitmap(shrinkMask(mask, radius, size), size);
        expect(shrunk).toEqual(byDisc(whole, radius, (set, all) => set === all));
      }),
    );
  });

  it('takes the majority of the disc', () => {
    fc.assert(
      fc.property(anyPlaced, anyReach, ({ mask, size }, radius) => {
        const whole = wholeBitmap(mask, size);
        const smooth = wholeBitmap(smoothMask(mask, radius, size), size);
        expect(smooth).toEqual(
          byDisc(whole, radius, (set, all, value) => 2 * set > all || (2 * set === all && value === 1)),
        );
      }),
    );
  });

  it('leaves no hole and nothing else changed', () => {
    fc.assert(
      fc.property(anyPlaced, ({ mask, size }) => {
        const whole = wholeBitmap(mask, size);
        const filled = wholeBitmap(fillHoles(mask), size);
        filled.data.forEach((value, i) => {
          expect(value).toBeGreaterThanOrEqual(whole.data[i]!);
        });
        const background = { ...filled, data: filled.data.map((value) => value ^ 1) };
        for (const { box } of connectedParts(background, 4).parts) {
          expect(box.x1 === 0 || box.y1 === 0 || box.x2 === size.width || box.y2 === size.height).toBe(true);
        }
        // What was open before stays background.
        const open = { ...whole, data: whole.data.map((value) => value ^ 1) };
        const { labels, parts } = connectedParts(open, 4);
        const isOpen = parts.map(
          ({ box }) => box.x1 === 0 || box.y1 === 0 || box.x2 === size.width || box.y2 === size.height,
        );
        labels.forEach((label, i) => {
          if (label > 0 && isOpen[label - 1]) expect(filled.data[i]).toBe(0);
        });
      }),
    );
  });

  it('fills small holes only, when told so', () => {
    const mask = { x: 2, y: 1, ...bitmapFromText('######', '#.##.#', '####.#', '######') };
    const filled = fillHoles(mask, 1);
    expect(filled && bitmapArea(filled)).toBe(bitmapArea(mask) + 1);
  });

  it('gives null when nothing is left', () => {
    const mask = { x: 2, y: 2, ...bitmapFromText('##', '##') };
    expect(shrinkMask(mask, 1, { width: 9, height: 9 })).toBeNull();
  });

  it('is the same whichever way the strips lie into which large masks are divided', () => {
    const [width, height] = [100, 50_000];
    const random = seededRandom(5);
    const tall = createBitmap(width, height);
    for (let y = 0; y < height; y += 7) {
      // Bars of any length, so that every row has borders.
      const from = Math.floor(random() * width);
      for (let dy = 0; dy < 5 && y + dy < height; dy++) {
        tall.data.fill(1, (y + dy) * width + from, (y + dy) * width + Math.min(width, from + 30));
      }
    }
    const wide = transposed(tall);
    const size = { width, height };
    const turned = { width: height, height: width };
    for (const change of [growMask, shrinkMask, smoothMask]) {
      const one = wholeBitmap(change({ x: 0, y: 0, ...tall }, 2.3, size), size);
      const other = wholeBitmap(change({ x: 0, y: 0, ...wide }, 2.3, turned), turned);
      expect(Buffer.compare(transposed(other).data, one.data)).toBe(0);
      expect(bitmapArea(one)).toBeGreaterThan(0);
    }
  });
});
