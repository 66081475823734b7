import type { Size } from '../geometry/types';
import { type Bitmap, createBitmap } from './bitmap';

/** Edges are followed in 1/65536 of a pixel. */
const one = 0x10000;

/**
 * What OpenCV's `fillPoly` draws for these polygons together (overlaps by the even-odd rule): all outlines,
 * 8-connected, and the pixels between them. Masks of ReasonSeg are drawn this way (LISA,
 * `get_mask_from_json`); the `polylines` call that LISA makes first sets no further pixel.
 *
 * @param rings flat coordinates in pixels whose integers are pixel centres; fractions are cut off, as by the
 *   conversion to int32 in LISA. Rings of one or two points draw a dot or a line.
 */
export function fillPolygonsOpenCv(rings: readonly ArrayLike<number>[], size: Size): Bitmap {
  const mask = createBitmap(size.width, size.height);
  const edges: Edge[] = [];
  for (const ring of rings) {
    const count = ring.length >> 1;
    for (let i = 0; i < count; i++) {
      const previous = i === 0 ? count - 1 : i - 1;
      const from = { x: Math.trunc(ring[2 * previous]!), y: Math.trunc(ring[2 * previous + 1]!) };
      const to = { x: Math.trunc(ring[2 * i]!), y: Math.trunc(ring[2 * i + 1]!) };
      const line = clipLine(from, to, size);
      if (line.visible) drawLine(mask, line.from, line.to);
      if (from.y !== to.y) edges.push(makeEdge(from, to, line));
    }
  }
  fillEdges(mask, edges);
  return mask;
}

interface Corner {
  x: number;
  y: number;
}

interface ClippedLine {
  visible: boolean;
  from: Corner;
  to: Corner;
}

/** A side that crosses rows top..bottom − 1; `x` at row `top` and `step` for each row, in 1/65536 pixel. */
interface Edge {
  top: number;
  bottom: number;
  x: number;
  step: number;
}

/** OpenCV (since 4.5) takes the slope of a side from its part inside the image, which rounds differently. */
function makeEdge(from: Corner, to: Corner, line: ClippedLine): Edge {
  const rowsLeft = line.from.y !== line.to.y;
  const a = { x: line.from.x, y: rowsLeft ? line.from.y : from.y };
  const b = { x: line.to.x, y: rowsLeft ? line.to.y : to.y };
  const step = Math.trunc(((b.x - a.x) * one) / (b.y - a.y));
  const [top, used] = from.y < to.y ? [from.y, a] : [to.y, b];
  return { top, bottom: Math.max(from.y, to.y), x: used.x * one + (top - used.y) * step, step };
}

/** In every row, the pixels between the first and second edge, the third and fourth, and so on. */
function fillEdges({ width, height, data }: Bitmap, edges: readonly Edge[]): void {
  const rows = new Map<number, number[]>();
  for (const edge of edges) {
    const end = Math.min(edge.bottom, height);
    for (let y = Math.max(edge.top, 0); y < end; y++) {
      const x = edge.x + (y - edge.top) * edge.step;
      const row = rows.get(y);
      if (row === undefined) rows.set(y, [x]);
      else row.push(x);
    }
  }
  for (const [y, crossings] of rows) {
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const from = Math.max(0, Math.ceil(crossings[i]! / one));
      const to = Math.min(width - 1, Math.floor(crossings[i + 1]! / one));
      if (from <= to) data.fill(1, y * width + from, y * width + to + 1);
    }
  }
}

/** Bresenham's line from the left end to the right, 8-connected, as OpenCV's LineIterator steps it. */
function drawLine({ width, data }: Bitmap, a: Corner, b: Corner): void {
  const [from, to] = a.x <= b.x ? [a, b] : [b, a];
  const dx = to.x - from.x;
  const dy = Math.abs(to.y - from.y);
  const down = to.y < from.y ? -width : width;
  const steps = Math.max(dx, dy);
  const minor = Math.min(dx, dy);
  const [along, across] = dy > dx ? [down, 1] : [1, down];
  let error = steps - 2 * minor;
  let p = from.y * width + from.x;
  for (let i = 0; i <= steps; i++) {
    data[p] = 1;
    if (error < 0) {
      error += 2 * steps;
      p += across;
    }
    error -= 2 * minor;
    p += along;
  }
}

/** Cohen–Sutherland in integers, each division cut off towards zero, first the rows and then the columns. */
function clipLine(from: Corner, to: Corner, { width, height }: Size): ClippedLine {
  const right = width - 1;
  const bottom = height - 1;
  const a = { ...from };
  const b = { ...to };
  const sideX = (p: Corner): number => (p.x < 0 ? 1 : 0) | (p.x > right ? 2 : 0);
  const sideY = (p: Corner): number => (p.y < 0 ? 4 : 0) | (p.y > bottom ? 8 : 0);
  let codeA = sideX(a) | sideY(a);
  let codeB = sideX(b) | sideY(b);
  const isPartly = (): boolean => (codeA & codeB) === 0 && (codeA | codeB) !== 0;
  if (isPartly()) {
    const toRow = (p: Corner, code: number): number => {
      const row = code < 8 ? 0 : bottom;
      p.x += Math.trunc(((row - p.y) * (b.x - a.x)) / (b.y - a.y));
      p.y = row;
      return sideX(p);
    };
    if ((codeA & 12) !== 0) codeA = toRow(a, codeA);
    if ((codeB & 12) !== 0) codeB = toRow(b, codeB);
    if (isPartly()) {
      const toColumn = (p: Corner, code: number): number => {
        const column = code === 1 ? 0 : right;
        p.y += Math.trunc(((column - p.x) * (b.y - a.y)) / (b.x - a.x));
        p.x = column;
        return 0;
      };
      if (codeA !== 0) codeA = toColumn(a, codeA);
      if (codeB !== 0) codeB = toColumn(b, codeB);
    }
  }
  return { visible: (codeA | codeB) === 0, from: a, to: b };
}
