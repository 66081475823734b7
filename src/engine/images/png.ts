import { deflateSync, inflateSync } from 'node:zlib';
import type { Size } from '@shared/geometry/types';
import { maxPixels } from './decode-image';

/**
 * PNG files whose values matter: class numbers, palette indices, object ids. Image libraries turn these into colours,
 * so they are read and written here. Interlaced files are refused.
 */

export type PngColor = readonly [number, number, number];

export interface PngPixels {
  width: number;
  height: number;
  /** 1, 2, 4, 8 or 16 bits a channel. */
  bitDepth: number;
  /** Grey values or palette indices, row-major, one a pixel; null for colours. */
  values: Uint8Array | Uint16Array | null;
  /** RGB, 3 bytes a pixel; set where `values` is not. 16-bit channels keep their upper half. */
  rgb: Uint8Array | null;
  /** Colours of the indices; null for grey values. */
  palette: PngColor[] | null;
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Channels by colour type. */
const channelsOf: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/**
 * Throws an Error that says what is wrong.
 *
 * @param check is told the size before anything is unpacked, and throws when it is not the wanted one
 */
export function readPng(input: Uint8Array, check: (size: Size) => void = () => {}): PngPixels {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (!bytes.subarray(0, 8).equals(signature)) throw new Error('it is no PNG');
  let header: Buffer | null = null;
  let palette: PngColor[] | null = null;
  const data: Buffer[] = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (body.length < length) throw new Error('it is cut off');
    if (type === 'IHDR') header = body;
    else if (type === 'PLTE')
      palette = Array.from({ length: Math.floor(length / 3) }, (_, i) => [
        body.readUInt8(3 * i),
        body.readUInt8(3 * i + 1),
        body.readUInt8(3 * i + 2),
      ]);
    else if (type === 'IDAT') data.push(body);
    else if (type === 'IEND') break;
    at += 12 + length;
  }
  if (header === null || header.length < 13 || data.length === 0) throw new Error('it is cut off');
  const width = header.readUInt32BE(0);
  const height = header.readUInt32BE(4);
  const bitDepth = header.readUInt8(8);
  const colorType = header.readUInt8(9);
  const channels = channelsOf[colorType];
  if (channels === undefined || ![1, 2, 4, 8, 16].includes(bitDepth))
    throw new Error('its pixels have an unknown form');
  if (width < 1 || height < 1 || width * height > maxPixels)
    throw new Error(`it has ${width} × ${height} pixels`);
  check({ width, height });
  if (header.readUInt8(12) !== 0) throw new Error('it is interlaced; save it without');
  const rowBytes = Math.ceil((width * channels * bitDepth) / 8);
  const raw = inflateSync(Buffer.concat(data), { maxOutputLength: (rowBytes + 1) * height });
  if (raw.length < (rowBytes + 1) * height) throw new Error('it is cut off');
  const rows = unfilter(raw, rowBytes, height, Math.max(1, (channels * bitDepth) >> 3));
  const pixels = { width, height, bitDepth, values: null, rgb: null, palette: null };
  if (channels > 2) return { ...pixels, rgb: colors(rows, width * height, channels, bitDepth) };
  const values = singleValues(rows, { width, height, rowBytes, channels, bitDepth });
  return { ...pixels, values, palette: colorType === 3 ? (palette ?? []) : null };
}

function unfilter(raw: Buffer, rowBytes: number, height: number, step: number): Uint8Array {
  const rows = new Uint8Array(rowBytes * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (rowBytes + 1)]!;
    const from = y * (rowBytes + 1) + 1;
    const to = y * rowBytes;
    if (filter > 4) throw new Error('its pixels are damaged');
    for (let i = 0; i < rowBytes; i++) {
      const left = i >= step ? rows[to + i - step]! : 0;
      const up = y > 0 ? rows[to + i - rowBytes]! : 0;
      const corner = i >= step && y > 0 ? rows[to + i - rowBytes - step]! : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) guess = paeth(left, up, corner);
      rows[to + i] = raw[from + i]! + guess;
    }
  }
  return rows;
}

function paeth(left: number, up: number, corner: number): number {
  const a = Math.abs(up - corner);
  const b = Math.abs(left - corner);
  const c = Math.abs(left + up - 2 * corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function colors(rows: Uint8Array, count: number, channels: number, bitDepth: number): Uint8Array {
  const rgb = new Uint8Array(count * 3);
  const bytes = bitDepth === 16 ? 2 : 1;
  for (let i = 0; i < count; i++) {
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = rows[(i * channels + c) * bytes]!;
  }
  return rgb;
}

/** Grey values or indices; an alpha channel is dropped. */
function singleValues(
  rows: Uint8Array,
  form: { width: number; height: number; rowBytes: number; channels: number; bitDepth: number },
): Uint8Array | Uint16Array {
  const { width, height, rowBytes, channels, bitDepth } = form;
  if (bitDepth === 16) {
    const values = new Uint16Array(width * height);
    for (let i = 0; i < values.length; i++) {
      values[i] = rows[2 * i * channels]! * 256 + rows[2 * i * channels + 1]!;
    }
    return values;
  }
  const values = new Uint8Array(width * height);
  const mask = (1 << bitDepth) - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const bit = x * channels * bitDepth;
      values[y * width + x] = (rows[y * rowBytes + (bit >> 3)]! >> (8 - bitDepth - (bit & 7))) & mask;
    }
  }
  return values;
}

/**
 * A PNG of one value a pixel: grey of 8 or 16 bits by the type of `values`, or indices into a palette of up to 256
 * colours.
 */
export function writePng(image: {
  width: number;
  height: number;
  values: Uint8Array | Uint16Array;
  palette?: readonly PngColor[];
}): Buffer {
  const { width, height, values, palette } = image;
  const wide = values instanceof Uint16Array;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(wide ? 16 : 8, 8);
  header.writeUInt8(palette === undefined ? 0 : 3, 9);
  const rowBytes = width * (wide ? 2 : 1);
  const raw = Buffer.alloc((rowBytes + 1) * height);
  for (let y = 0; y < height; y++) {
    const at = y * (rowBytes + 1) + 1;
    for (let x = 0; x < width; x++) {
      const value = values[y * width + x]!;
      if (wide) raw.writeUInt16BE(value, at + 2 * x);
      else raw[at + x] = value;
    }
  }
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...(palette === undefined ? [] : [chunk('PLTE', Buffer.from(palette.flat()))]),
    chunk('IDAT', deflateSync(raw, { level: 6 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, body: Buffer): Buffer {
  const name = Buffer.from(type, 'latin1');
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length, 0);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(Buffer.concat([name, body])), 0);
  return Buffer.concat([head, name, body, sum]);
}

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) c = crcTable[(c ^ byte) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
