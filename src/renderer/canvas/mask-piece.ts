import { cropRle, decodeMask, type Rle, rleBox } from '@shared/mask/rle';
import { LatestBytes } from '../lib/latest-bytes';

/** The part of a mask that holds its pixels, placed in the image. */
export interface MaskPiece {
  x: number;
  y: number;
  width: number;
  height: number;
  /** Row-major, 0 or 1. */
  data: Uint8Array;
  /** Number of pixels. */
  area: number;
}

const pieces = new LatestBytes<MaskPiece | null>(96 * 1024 * 1024, () => {});

/** Decodes a mask, keeping the latest; null when it has no pixel. */
export function pieceOf(rle: Rle): MaskPiece | null {
  const key = `${rle.size[0]}.${rle.size[1]}.${rle.counts}`;
  const known = pieces.get(key);
  if (known !== undefined) return known;
  const piece = decode(rle);
  // Its pixels, as bytes and as a tinted canvas.
  pieces.set(key, piece, 5 * (piece?.data.length ?? 0) + 2 * key.length);
  return piece;
}

function decode(rle: Rle): MaskPiece | null {
  const box = rleBox(rle);
  if (!box) return null;
  const { width, height, data } = decodeMask(cropRle(rle, box));
  let area = 0;
  for (const value of data) area += value;
  return { x: box.x1, y: box.y1, width, height, data, area };
}

const differences = new WeakMap<MaskPiece, WeakMap<MaskPiece, { piece: MaskPiece | null }>>();

/** The pixels of `a` that `b` does not have; null when there is none. */
export function without(a: MaskPiece, b: MaskPiece): MaskPiece | null {
  const known = differences.get(a) ?? new WeakMap<MaskPiece, { piece: MaskPiece | null }>();
  differences.set(a, known);
  const made = known.get(b);
  if (made) return made.piece;
  const data = a.data.slice();
  let area = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const at = y * a.width + x;
      if (data[at] === 0) continue;
      const bx = a.x + x - b.x;
      const by = a.y + y - b.y;
      const inB = bx >= 0 && by >= 0 && bx < b.width && by < b.height && b.data[by * b.width + bx] === 1;
      if (inB) data[at] = 0;
      else area++;
    }
  }
  const piece = area > 0 ? { ...a, data, area } : null;
  known.set(b, { piece });
  return piece;
}

const outlines = new WeakMap<MaskPiece, Path2D>();

/** The borders between its pixels and the others, in image pixels: exactly on the edges of pixels. */
export function outlineOf(piece: MaskPiece): Path2D {
  const known = outlines.get(piece);
  if (known) return known;
  const path = new Path2D();
  const { x: left, y: top, width, height, data } = piece;
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : (data[y * width + x] ?? 0);
  for (let y = 0; y <= height; y++) {
    for (let x = 0; x < width; x++) {
      if (at(x, y) === at(x, y - 1)) continue;
      const start = x;
      const side = at(x, y);
      while (x + 1 < width && at(x + 1, y) !== at(x + 1, y - 1) && at(x + 1, y) === side) x++;
      path.moveTo(left + start, top + y);
      path.lineTo(left + x + 1, top + y);
    }
  }
  for (let x = 0; x <= width; x++) {
    for (let y = 0; y < height; y++) {
      if (at(x, y) === at(x - 1, y)) continue;
      const start = y;
      const side = at(x, y);
      while (y + 1 < height && at(x, y + 1) !== at(x - 1, y + 1) && at(x, y + 1) === side) y++;
      path.moveTo(left + x, top + start);
      path.lineTo(left + x, top + y + 1);
    }
  }
  outlines.set(piece, path);
  return path;
}

const tints = new WeakMap<MaskPiece, Map<string, HTMLCanvasElement>>();

/** The mask's pixels in one colour, as a canvas of the piece's size. */
export function tintOf(piece: MaskPiece, color: string, alpha: number): HTMLCanvasElement {
  const known = tints.get(piece) ?? new Map<string, HTMLCanvasElement>();
  tints.set(piece, known);
  const key = `${color} ${alpha}`;
  const made = known.get(key);
  if (made) return made;
  const canvas = document.createElement('canvas');
  canvas.width = piece.width;
  canvas.height = piece.height;
  const context = canvas.getContext('2d');
  if (context) {
    const [r, g, b] = rgb(color);
    const image = context.createImageData(piece.width, piece.height);
    const words = new Uint32Array(image.data.buffer);
    const bytes = new Uint8Array([r, g, b, Math.round(alpha * 255)]);
    const word = new Uint32Array(bytes.buffer)[0] ?? 0;
    for (let i = 0; i < words.length; i++) if (piece.data[i] === 1) words[i] = word;
    context.putImageData(image, 0, 0);
  }
  known.set(key, canvas);
  return canvas;
}

/** Red, green and blue of `#rgb` or `#rrggbb`; grey when it is neither. */
export function rgb(color: string): [number, number, number] {
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/i.exec(color);
  const long = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color);
  const parts = (short ?? long)?.slice(1).map((part) => Number.parseInt(short ? part + part : part, 16));
  return [parts?.[0] ?? 128, parts?.[1] ?? 128, parts?.[2] ?? 128];
}
