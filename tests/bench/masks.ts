import { type Bitmap, createBitmap } from '@shared/mask/bitmap';
import { decodeMask, encodeMask, rleArea, rleIou } from '@shared/mask/rle';
import { z } from 'zod';
import { runPython } from '../support/python';

export interface MaskBench {
  /** Our time over pycocotools', by operation; below 1 we are faster. */
  ratios: Record<'encode' | 'decode' | 'iou' | 'area', number>;
}

const size = { width: 640, height: 480 };
const rounds = 400;

/** Two overlapping blobs, as real objects are: smooth outlines, a hole. */
function blob(cx: number, cy: number): Bitmap {
  const mask = createBitmap(size.width, size.height);
  for (let y = 0; y < size.height; y++) {
    for (let x = 0; x < size.width; x++) {
      const angle = Math.atan2(y - cy, x - cx);
      const distance = Math.hypot(x - cx, y - cy);
      const radius = 140 + 18 * Math.sin(5 * angle) + 7 * Math.sin(17 * angle);
      if (distance < radius && distance > 25) mask.data[y * size.width + x] = 1;
    }
  }
  return mask;
}

/** pycocotools is given column-major arrays, as its documentation asks: its own best case. */
const reference = `
import json, sys, time
import numpy as np
from pycocotools import mask as M
given = json.load(sys.stdin)
a, b = ({'size': r['size'], 'counts': r['counts'].encode()} for r in given['masks'])
pixels = np.asfortranarray(M.decode(a))
def median(work):
    times = []
    for _ in range(given['rounds']):
        start = time.perf_counter(); work(); times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1000
print(json.dumps({'encode': median(lambda: M.encode(pixels)), 'decode': median(lambda: M.decode(a)),
  'iou': median(lambda: M.iou([a], [b], [0])), 'area': median(lambda: M.area(a))}))
`;
const timesSchema = z.object({ encode: z.number(), decode: z.number(), iou: z.number(), area: z.number() });

/** Medians of both on the same 640 × 480 masks, one after the other in the same run. */
export function benchMasks(): MaskBench {
  const bitmap = blob(300, 230);
  const a = encodeMask(bitmap);
  const b = encodeMask(blob(350, 260));
  const ours = {
    encode: median(() => encodeMask(bitmap)),
    decode: median(() => decodeMask(a)),
    iou: median(() => rleIou(a, b)),
    area: median(() => rleArea(a)),
  };
  const theirs = timesSchema.parse(runPython(reference, { masks: [a, b], rounds }));
  return {
    ratios: {
      encode: ours.encode / theirs.encode,
      decode: ours.decode / theirs.decode,
      iou: ours.iou / theirs.iou,
      area: ours.area / theirs.area,
    },
  };
}

function median(work: () => unknown): number {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    work();
    times.push(performance.now() - start);
  }
  return times.sort((x, y) => x - y)[rounds >> 1] ?? 0;
}
