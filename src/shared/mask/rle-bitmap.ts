import { type Bitmap, createBitmap } from './bitmap';
import { MaskFormatError } from './errors';
import { compressCounts, decompressCounts, pixelCount, type Rle } from './rle-string';
import { wordView } from './words';

/**
 * Bitmap → COCO run-length encoding, the canonical one that pycocotools' `encode` gives.
 *
 * Rows are compared with the row above, sixteen pixels at a time, instead of walking down columns: memory is
 * read in order, and only pixels where a column changes cost anything.
 */
export function encodeMask(bitmap: Bitmap): Rle {
  const { width, height, data } = bitmap;
  const size: Rle['size'] = [height, width];
  const pixels = pixelCount(size);
  if (data.length !== pixels) {
    throw new MaskFormatError(`A mask of ${width} × ${height} pixels has ${data.length} bytes of data.`);
  }
  const changes = new ColumnChanges(width, height);
  // The pixel before the first one of a column is the last one of the column to its left.
  const lastRow = pixels - width;
  for (let x = 0; x < width; x++) {
    if (data[x] !== (x === 0 ? 0 : data[lastRow + x - 1])) changes.addWord(x, 1);
  }
  addChanges(data, width, changes);
  return { size, counts: compressCounts(changes.toCounts(pixels)) };
}

/** COCO run-length encoding → bitmap. Throws {@link MaskFormatError} for malformed counts. */
export function decodeMask(rle: Rle): Bitmap {
  const counts = decompressCounts(rle);
  const [height, width] = rle.size;
  const bitmap = createBitmap(width, height);
  const { data } = bitmap;
  // First mark the pixels where a column changes, its first pixel with its value; then every row becomes
  // the row above, xor its marks. Rows and columns outside the bounding box are left alone.
  let left = width;
  let right = -1;
  let top = height;
  let bottom = -1;
  let position = 0;
  let x = 0;
  let columnStart = 0;
  for (let i = 0; i < counts.length; i += 2) {
    position += counts[i]!;
    const end = position + (i + 1 < counts.length ? counts[i + 1]! : 0);
    while (position < end) {
      if (position >= columnStart + height) {
        x = Math.floor(position / height);
        columnStart = x * height;
      }
      const from = position - columnStart;
      const to = Math.min(height, end - columnStart);
      data[from * width + x]! ^= 1;
      if (to < height) data[to * width + x]! ^= 1;
      if (x < left) left = x;
      right = x;
      if (from < top) top = from;
      if (to > bottom) bottom = to;
      position = columnStart + to;
    }
  }
  if (right >= left) accumulateRows(data, width, left, right + 1, top + 1, Math.min(bottom + 1, height));
  return bitmap;
}

/** Adds every pixel that differs from the one above it, row by row from the second row on. */
function addChanges(data: Uint8Array, width: number, changes: ColumnChanges): void {
  let p = width;
  const addBytes = (to: number): void => {
    for (; p < to; p++) if (data[p] !== data[p - width]) changes.addWord(p, 1);
  };
  const words = width < 8 ? null : wordView(data);
  if (words !== null && data.length - p > 16) {
    addBytes((p + 3) & ~3);
    p = 4 * addWordChanges(words, width, p >>> 2, changes);
  }
  addBytes(data.length);
}

/**
 * {@link addChanges} from word `from` on, as many blocks of four words as there are; returns the first word
 * that is left. Joining the differences of a block by "or" leaves one branch in place of four.
 */
function addWordChanges(words: Uint32Array, width: number, from: number, changes: ColumnChanges): number {
  let i = from;
  let above = (i * 4 - width) >> 2;
  // The pixels above a word lie in two words when the width is no multiple of four.
  const low = ((4 - (width & 3)) & 3) * 8;
  const high = 32 - low;
  let e = words[above]!;
  for (; i + 4 <= words.length; i += 4, above += 4) {
    let a = words[i]!;
    let b = words[i + 1]!;
    let c = words[i + 2]!;
    let d = words[i + 3]!;
    if (low === 0) {
      a ^= words[above]!;
      b ^= words[above + 1]!;
      c ^= words[above + 2]!;
      d ^= words[above + 3]!;
    } else {
      const f = words[above + 1]!;
      const g = words[above + 2]!;
      const h = words[above + 3]!;
      a ^= (e >>> low) | (f << high);
      b ^= (f >>> low) | (g << high);
      c ^= (g >>> low) | (h << high);
      e = words[above + 4]!;
      d ^= (h >>> low) | (e << high);
    }
    if ((a | b | c | d) === 0) continue;
    if (a !== 0) changes.addWord(i * 4, a);
    if (b !== 0) changes.addWord(i * 4 + 4, b);
    if (c !== 0) changes.addWord(i * 4 + 8, c);
    if (d !== 0) changes.addWord(i * 4 + 12, d);
  }
  return i;
}

/** data[y][x] ^= data[y − 1][x] for rows top..bottom − 1 and columns left..right − 1, in that order. */
function accumulateRows(
  data: Uint8Array,
  width: number,
  left: number,
  right: number,
  top: number,
  bottom: number,
): void {
  const words = width < 8 ? null : wordView(data);
  const low = ((4 - (width & 3)) & 3) * 8;
  const high = 32 - low;
  for (let y = top; y < bottom; y++) {
    let p = y * width + left;
    const end = y * width + right;
    if (words !== null) {
      for (; p < end && (p & 3) !== 0; p++) data[p]! ^= data[p - width]!;
      const stop = end >>> 2;
      let i = p >>> 2;
      let above = (p - width) >>> 2;
      if (low === 0) {
        for (; i < stop; i++, above++) words[i]! ^= words[above]!;
      } else {
        for (; i < stop; i++, above++) words[i]! ^= (words[above]! >>> low) | (words[above + 1]! << high);
      }
      p = Math.max(p, i * 4);
    }
    for (; p < end; p++) data[p]! ^= data[p - width]!;
  }
}

/** Pixels that differ from the one before them in column-major order, gathered row by row, sorted by column. */
class ColumnChanges {
  private readonly perColumn: Int32Array;
  private columns = new Int32Array(2048);
  private rows = new Int32Array(2048);
  private length = 0;
  private row = 0;
  private rowEnd: number;

  constructor(
    private readonly width: number,
    private readonly height: number,
  ) {
    this.perColumn = new Int32Array(width);
    this.rowEnd = width;
  }

  /** Adds pixel p + n for every set bit 8n of `differences`; p is a row-major index and never decreases. */
  addWord(p: number, differences: number): void {
    if (this.length + 4 > this.columns.length) {
      this.columns = grown(this.columns);
      this.rows = grown(this.rows);
    }
    let rest = differences & 0x01010101;
    while (rest !== 0) {
      const lowest = rest & -rest;
      const changed = p + ((31 - Math.clz32(lowest)) >> 3);
      while (changed >= this.rowEnd) {
        this.rowEnd += this.width;
        this.row++;
      }
      const x = changed - this.rowEnd + this.width;
      this.columns[this.length] = x;
      this.rows[this.length++] = this.row;
      this.perColumn[x]!++;
      rest ^= lowest;
    }
  }

  /** Run lengths. A counting sort: rows were added from top to bottom, so it keeps their order in a column. */
  toCounts(pixels: number): Uint32Array {
    const { width, height, length, perColumn } = this;
    let start = 0;
    for (let x = 0; x < width; x++) {
      const next = start + perColumn[x]!;
      perColumn[x] = start;
      start = next;
    }
    const counts = new Uint32Array(length + 1);
    for (let i = 0; i < length; i++) {
      const x = this.columns[i]!;
      counts[perColumn[x]!++] = x * height + this.rows[i]!;
    }
    counts[length] = pixels;
    for (let i = length; i > 0; i--) counts[i]! -= counts[i - 1]!;
    return counts;
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}
