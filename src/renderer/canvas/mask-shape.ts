import type { Box, Point } from '@shared/geometry/types';
import type { Rle } from '@shared/mask/rle';
import { type MaskRuns, runsCover, runsOf } from '@shared/mask/runs';
import { type MaskPiece, pieceOf } from './mask-piece';

/** Above this many pixels around it a mask is never decoded, only sampled at the resolution of the screen. */
const decodedUpTo = 4 * 1024 * 1024;

/** A mask on the canvas. Its runs are always there, its pixels only where outlines are drawn. */
export class MaskShape {
  readonly rle: Rle;
  readonly runs: MaskRuns;

  constructor(rle: Rle, runs: MaskRuns) {
    this.rle = rle;
    this.runs = runs;
  }

  get box(): Box {
    return this.runs.box;
  }

  get area(): number {
    return this.runs.area;
  }

  get bytes(): number {
    return this.runs.ends.byteLength + 2 * this.rle.counts.length;
  }

  covers(point: Point): boolean {
    return runsCover(this.runs, point);
  }

  /** Its pixels; null when it is too large to be decoded. */
  get piece(): MaskPiece | null {
    const { x1, y1, x2, y2 } = this.box;
    return (x2 - x1) * (y2 - y1) > decodedUpTo ? null : pieceOf(this.rle);
  }
}

const rememberedBytes = 64 * 1024 * 1024;
const shapes = new Map<string, MaskShape | null>();
let bytes = 0;

/** The shape of a mask, the same one for equal masks while it is remembered; null when it has no pixel. */
export function shapeOf(rle: Rle): MaskShape | null {
  const key = `${rle.size[0]}.${rle.size[1]}.${rle.counts}`;
  const known = shapes.get(key);
  if (known !== undefined) {
    shapes.delete(key);
    shapes.set(key, known);
    return known;
  }
  const runs = runsOf(rle);
  const shape = runs && new MaskShape(rle, runs);
  shapes.set(key, shape);
  bytes += shape?.bytes ?? 0;
  for (const [oldest, old] of shapes) {
    if (bytes <= rememberedBytes || oldest === key) break;
    shapes.delete(oldest);
    bytes -= old?.bytes ?? 0;
  }
  return shape;
}
