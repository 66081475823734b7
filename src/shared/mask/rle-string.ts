import { z } from 'zod';
import { MaskFormatError } from './errors';

/** COCO compressed run-length encoding. `size` is [height, width] in pixels. */
export interface Rle {
  size: [height: number, width: number];
  counts: string;
}

/** COCO uncompressed run-length encoding: run lengths in pixels, column-major, background first. */
export interface RleCounts {
  size: [height: number, width: number];
  counts: number[] | Uint32Array;
}

/**
 * Shape, positive size and characters only. Whether the runs add up to height × width is checked by every
 * function that reads them, which throws {@link MaskFormatError}.
 */
export const rleSchema = z.object({
  size: z.tuple([z.number().int().positive(), z.number().int().positive()]),
  counts: z.string().regex(/^[0-o]+$/, 'COCO run lengths consist of the characters "0" to "o"'),
});

/** Positions are kept in 32-bit integers; the largest mask that can be held in memory is smaller. */
const maxPixels = 0x7fffffff;

/** A count below 2³¹ and the difference of two such counts need at most this many groups of five bits. */
const maxGroups = 7;

/** height × width of a run-length encoding; throws {@link MaskFormatError} unless both are usable. */
export function pixelCount(size: readonly [height: number, width: number]): number {
  const [height, width] = size;
  const pixels = height * width;
  if (
    !Number.isInteger(height) ||
    !Number.isInteger(width) ||
    height < 1 ||
    width < 1 ||
    pixels > maxPixels
  ) {
    throw new MaskFormatError(
      `Run-length encoding of size [${height}, ${width}]: height and width must be positive integers ` +
        'with a product below 2³¹.',
    );
  }
  return pixels;
}

/** Written to and read from within one call only. Strings are made of bytes: far faster than of characters. */
const buffer = new Uint8Array(0x10000);
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * Run lengths → COCO string. From the fourth run on, the difference to the run before the last is written, in
 * groups of five bits, least significant first, with 0x20 = "more follow", as characters from "0". Every
 * run is written as given, runs of length 0 too.
 */
export function compressCounts(counts: ArrayLike<number>): string {
  let text = '';
  let used = 0;
  for (let i = 0; i < counts.length; i++) {
    if (used + maxGroups > buffer.length) {
      text += decoder.decode(buffer.subarray(0, used));
      used = 0;
    }
    let rest = i > 2 ? counts[i]! - counts[i - 2]! : counts[i]!;
    for (;;) {
      const group = rest & 0x1f;
      rest >>= 5;
      // Bit 0x10 of the last group is the sign, so the rest must be a plain sign extension of it.
      if (rest === -(group >> 4)) {
        buffer[used++] = group + 48;
        break;
      }
      buffer[used++] = (group | 0x20) + 48;
    }
  }
  return text + decoder.decode(buffer.subarray(0, used));
}

/**
 * COCO string → run lengths (uint32). Throws {@link MaskFormatError} for a character outside "0".."o", a
 * string that ends inside a number, a negative run, or runs that do not add up to height × width.
 */
export function decompressCounts(rle: Rle): Uint32Array {
  const pixels = pixelCount(rle.size);
  const { length } = rle.counts;
  // One byte more stays 0, which is no valid character, so a number that is cut off ends there. A character
  // beyond ASCII starts with an invalid byte too.
  const bytes = length < buffer.length ? buffer : new Uint8Array(length + 1);
  bytes[encoder.encodeInto(rle.counts, bytes).written] = 0;
  const counts = new Uint32Array(length);
  let runs = 0;
  let total = 0;
  let last = 0;
  let beforeLast = 0;
  let position = 0;
  while (position < length) {
    let code = bytes[position++]! - 48;
    let value: number;
    if (code >>> 0 < 0x20) {
      // Most numbers have one group: extend its sign.
      value = (code << 27) >> 27;
    } else {
      value = 0;
      let shift = 0;
      for (;;) {
        if (code >>> 0 > 0x3f || shift >= 5 * maxGroups) throw malformedNumber(rle.counts);
        value |= (code & 0x1f) << shift;
        shift += 5;
        if (code < 0x20) break;
        code = bytes[position++]! - 48;
      }
      if (shift < 32) value = (value << (32 - shift)) >> (32 - shift);
    }
    if (runs > 2) value += beforeLast;
    if (value < 0 || value > pixels) {
      throw new MaskFormatError(
        `Run ${runs} of a run-length encoding is ${value} pixels long; ` +
          `a mask of [${rle.size.join(', ')}] has ${pixels}.`,
      );
    }
    beforeLast = last;
    last = value;
    counts[runs++] = value;
    total += value;
  }
  requireSum(total, pixels, rle.size);
  return counts.subarray(0, runs);
}

/** Uncompressed → compressed. Throws {@link MaskFormatError} when the runs do not describe such a mask. */
export function fromUncompressed(rle: RleCounts): Rle {
  const pixels = pixelCount(rle.size);
  let total = 0;
  for (let i = 0; i < rle.counts.length; i++) {
    const count = rle.counts[i]!;
    if (!Number.isInteger(count) || count < 0) {
      throw new MaskFormatError(
        `Run ${i} of a run-length encoding is ${count}; run lengths are integers from 0.`,
      );
    }
    total += count;
  }
  requireSum(total, pixels, rle.size);
  return { size: [rle.size[0], rle.size[1]], counts: compressCounts(rle.counts) };
}

/** Compressed → uncompressed, with plain numbers as in COCO's JSON files. Throws {@link MaskFormatError}. */
export function toUncompressed(rle: Rle): { size: [height: number, width: number]; counts: number[] } {
  return { size: [rle.size[0], rle.size[1]], counts: Array.from(decompressCounts(rle)) };
}

function requireSum(total: number, pixels: number, size: readonly [number, number]): void {
  if (total !== pixels) {
    throw new MaskFormatError(
      `The runs of a run-length encoding add up to ${total} pixels, but its size [${size.join(', ')}] ` +
        `has ${pixels}. The size may be [width, height] by mistake, or the counts may be cut off.`,
    );
  }
}

/** Says what is wrong with a string that holds something else than complete numbers of at most 32 bits. */
function malformedNumber(text: string): MaskFormatError {
  const bad = text.search(/[^0-o]/);
  if (bad >= 0) {
    return new MaskFormatError(
      `Character ${bad} of the counts of a run-length encoding is ${JSON.stringify(text[bad])}; ` +
        'only "0" to "o" are allowed.',
    );
  }
  if (/[P-o]{7}/.test(text)) {
    return new MaskFormatError('The counts of a run-length encoding hold a number of more than 32 bits.');
  }
  return new MaskFormatError('The counts of a run-length encoding end in the middle of a number (cut off?).');
}
