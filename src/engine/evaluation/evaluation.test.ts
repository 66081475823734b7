import type { Sample } from '@shared/evaluation/sample';
import { createBitmap } from '@shared/mask/bitmap';
import { boundaryF } from '@shared/mask/boundary';
import { encodeMask } from '@shared/mask/rle';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluationReport } from './report';
import { reportPage } from './report-page';
import { croppedBoundaryF } from './scores';

const blob = fc.record({
  x: fc.integer({ min: -5, max: 60 }),
  y: fc.integer({ min: -5, max: 44 }),
  width: fc.integer({ min: 0, max: 30 }),
  height: fc.integer({ min: 0, max: 30 }),
});

it('finds the same boundary F in the part with masks as in the whole image', () => {
  fc.assert(
    fc.property(fc.array(blob, { maxLength: 3 }), fc.array(blob, { maxLength: 3 }), (a, b) => {
      const [first, second] = [a, b].map((blobs) => {
        const mask = createBitmap(60, 44);
        for (const { x, y, width, height } of blobs)
          for (let row = Math.max(0, y); row < Math.min(44, y + height); row += 1)
            for (let column = Math.max(0, x); column < Math.min(60, x + width); column += 1)
              mask.data[row * 60 + column] = 1;
        return mask;
      });
      if (!first || !second) throw new Error('no masks');
      expect(croppedBoundaryF(encodeMask(first), encodeMask(second))).toBeCloseTo(
        boundaryF(first, second),
        12,
      );
    }),
  );
});

describe('the page', () => {
  const input = {
    dataset: { kind: 'folder', name: '<script>alert(1)</script>', split: null },
    settings: { policy: 'p', segmenter: 's', coordinates: 'norm1000', turns: 8, seed: 0 },
    budgets: new Map<number, Sample[]>(),
    skipped: [{ item: 'a & b', reason: 'it is "broken"' }],
  };

  it('is made without samples', () => {
    const report = evaluationReport({ ...input, samples: [] });
    const page = reportPage(report, [], []);
    expect(report).toMatchObject({ n: 0, failed: 0, protocols: { lisa: { gIoU: { value: null } } } });
    expect(page).toContain('a &amp; b');
    expect(page).not.toMatch(/<script|NaN|undefined|Infinity/);
  });
});
