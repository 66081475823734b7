import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anyBitmap, bitmapFromText } from '../../../tests/support/masks';
import { bitmapArea, createBitmap, equalBitmaps } from '../mask/bitmap';
import { maskToPolygons, polygonsToMask } from '../mask/polygon';
import { parseYoloRow, yoloMask, yoloOutline } from './yolo';

const readBack = (text: string, size: { width: number; height: number }) => {
  const row = parseYoloRow(`3 ${text}`);
  if (row.kind !== 'polygon') throw new Error(JSON.stringify(row));
  expect(row).toMatchObject({ classIndex: 3, text });
  return yoloMask(row.coordinates, size);
};

describe('YOLO rows', () => {
  it('give any mask without holes and further parts back exactly', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        for (const part of maskToPolygons(bitmap)) {
          const one = polygonsToMask([{ outer: part.outer, holes: [] }], bitmap);
          const outline = yoloOutline(one);
          expect(outline).toMatchObject({ filledHoles: 0, parts: 1 });
          expect(equalBitmaps(readBack(outline?.text ?? '', one), one)).toBe(true);
        }
      }),
    );
  });

  it('keep every pixel of a mask of several parts, filling holes and adding lines between parts', () => {
    fc.assert(
      fc.property(anyBitmap, (bitmap) => {
        const outline = yoloOutline(bitmap);
        if (outline === null) {
          expect(bitmapArea(bitmap)).toBe(0);
          return;
        }
        const back = readBack(outline.text, bitmap);
        for (const [i, value] of bitmap.data.entries()) if (value === 1) expect(back.data[i]).toBe(1);
      }),
    );
  });

  it('join two parts by one line and fill holes', () => {
    const two = bitmapFromText('##....', '##....', '....##', '....##');
    const outline = yoloOutline(two);
    expect(outline).toMatchObject({ parts: 2, filledHoles: 0 });
    expect(bitmapArea(readBack(outline?.text ?? '', two))).toBe(8 + 2);
    const ring = bitmapFromText('###', '#.#', '###');
    expect(yoloOutline(ring)).toMatchObject({ parts: 1, filledHoles: 1 });
    expect(bitmapArea(readBack(yoloOutline(ring)?.text ?? '', ring))).toBe(9);
  });

  it('are told from boxes and from what is broken', () => {
    expect(parseYoloRow('0 0.5 0.5 0.1 0.1')).toEqual({ kind: 'box', classIndex: 0 });
    expect(parseYoloRow('0 0.5 0.5 0.1 0.1 0.9')).toEqual({ kind: 'box', classIndex: 0 });
    expect(parseYoloRow('1.5 0 0 1 0 1 1')).toMatchObject({ kind: 'bad' });
    expect(parseYoloRow('1 0 0 1 0 1 x')).toEqual({ kind: 'bad', reason: '"x" is no number' });
    expect(parseYoloRow('1 0 0 1 0 1 1 0')).toMatchObject({ kind: 'bad' });
    expect(parseYoloRow('1 0 0 1 0 1 17')).toMatchObject({ kind: 'bad' });
    expect(parseYoloRow('1 0 0')).toMatchObject({ kind: 'bad' });
  });
});

it('joins thousands of parts by short lines, and every one is still in the mask', () => {
  const side = 300;
  const mask = createBitmap(side, side);
  for (let y = 0; y < side; y += 4) for (let x = 0; x < side; x += 4) mask.data[y * side + x] = 1;
  const outline = yoloOutline(mask);
  expect(outline?.parts).toBe(75 * 75);
  const row = parseYoloRow(`0 ${outline?.text}`);
  const back = yoloMask(row.kind === 'polygon' ? row.coordinates : [], mask);
  expect(mask.data.every((value, i) => value === 0 || back.data[i] === 1)).toBe(true);
  // Lines of three pixels between neighbours, and no longer ones.
  expect(back.data.reduce((sum, value) => sum + value, 0)).toBe(75 * 75 + 3 * (75 * 75 - 1));
});
