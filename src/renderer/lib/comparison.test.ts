import { createBitmap } from '@shared/mask/bitmap';
import { encodeMask, rleArea } from '@shared/mask/rle';
import type { Observation } from '@shared/trajectory/schema';
import { describe, expect, it } from 'vitest';
import { compareTurns } from './comparison';

const image = { width: 10, height: 4 };

function seen(...columns: (readonly [from: number, to: number])[]): Observation {
  return {
    text: '',
    view: { box: { x1: 0, y1: 0, x2: 10, y2: 4 }, width: 256, height: 256 },
    objects: columns.map(([from, to], index) => {
      const mask = createBitmap(image.width, image.height);
      for (let y = 0; y < 4; y++) mask.data.fill(1, y * 10 + from, y * 10 + to);
      return { id: index + 1, box: null, points: [], mask: encodeMask(mask), predictedIou: null };
    }),
    activeObject: 1,
    turn: 0,
    turnsLeft: 0,
  };
}

describe('two turns compared', () => {
  it('counts the pixels of one, of the other and of both, over all objects', () => {
    const { areas, iou, onlyA } = compareTurns(seen([0, 2], [4, 6]), seen([1, 5]), image);
    expect(areas).toEqual({ onlyA: 8, onlyB: 8, both: 8 });
    expect(iou).toBeCloseTo(1 / 3);
    expect(rleArea(onlyA)).toBe(8);
  });

  it('has two empty turns agree', () => {
    expect(compareTurns(seen(), seen(), image)).toMatchObject({ iou: 1, areas: { both: 0 } });
    expect(compareTurns(seen([0, 5]), seen(), image).iou).toBe(0);
  });
});
