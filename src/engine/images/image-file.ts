import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Box, Size } from '@shared/geometry/types';
import { LRUCache } from 'lru-cache';
import sharp from 'sharp';
import type { ImageSource, RgbImage } from '../segmenters/segmenter';
import {
  asUnreadable,
  decodeImage,
  decodeScaled,
  maxPixels,
  unreadableImage,
  wholeUpTo,
} from './decode-image';
import { endLength, mayBeCutOff } from './file-end';

export interface ImageInfo {
  /** sha256 of the file's bytes, hex. */
  hash: string;
  /** Pixels, after EXIF orientation. */
  width: number;
  height: number;
  mime: string;
}

/** Types that are read, by the decoder's name of the format. */
export const imageMimes: ReadonlyMap<string, string> = new Map([
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['gif', 'image/gif'],
  ['tiff', 'image/tiff'],
  ['heif', 'image/avif'],
]);

/** Type and size after EXIF orientation, from the file's first bytes. */
async function readHeader(path: string): Promise<Omit<ImageInfo, 'hash'>> {
  const { size } = await stat(path);
  if (size === 0) throw unreadableImage('the file is empty');
  const metadata = await sharp(path, { limitInputPixels: maxPixels }).metadata();
  const mime = imageMimes.get(metadata.format ?? '');
  const { width, height, orientation } = metadata;
  if (mime === undefined) throw unreadableImage(`the type ${metadata.format ?? 'unknown'} is not supported`);
  if (width === undefined || height === undefined || width < 1 || height < 1)
    throw unreadableImage('it has no size');
  const turned = orientation !== undefined && orientation >= 5 && orientation <= 8;
  return { mime, width: turned ? height : width, height: turned ? width : height };
}

/** Size of an image in pixels, after EXIF orientation, without reading all of it. Throws IMAGE_UNREADABLE. */
export async function readImageSize(path: string): Promise<Size> {
  try {
    const { width, height } = await readHeader(path);
    return { width, height };
  } catch (error) {
    throw asUnreadable(error);
  }
}

/**
 * Size, type and hash of an image file. Its pixels are decoded only when its end is missing, to tell a file that was
 * cut off from an odd one. Throws IMAGE_UNREADABLE for a missing, empty, broken, cut off or too large file and for a
 * type that is not supported.
 */
export async function readImageInfo(path: string): Promise<ImageInfo> {
  try {
    const { mime, width, height } = await readHeader(path);
    const hash = createHash('sha256');
    let end = Buffer.alloc(0);
    await pipeline(
      createReadStream(path),
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          end = Buffer.concat([end, chunk]).subarray(-endLength);
          yield chunk;
        }
      },
      hash,
    );
    if (mayBeCutOff(mime, end)) await sharp(path, { failOn: 'error', limitInputPixels: maxPixels }).stats();
    return { hash: hash.digest('hex'), width, height, mime };
  } catch (error) {
    throw asUnreadable(error);
  }
}

/** Longest side of what encoders get of an image that is not decoded whole: several times of what they take in. */
const overviewSide = 4096;

interface Opened {
  /** Of the file when it was read. */
  bytes: number;
  changedAt: number;
  source: ImageSource;
}

/** Sources of the files that were opened last: without them every call would read the file for its hash. */
const opened = new LRUCache<string, Opened>({ max: 64 });

/**
 * An image file as a segmenter's source. Its pixels are decoded when they are asked for, and once while anybody still
 * holds them. A file that has not changed is not read again. Throws IMAGE_UNREADABLE as {@link readImageInfo} does.
 */
export async function openImage(path: string): Promise<ImageSource> {
  const state = await stat(path).catch((error: unknown) => {
    throw asUnreadable(error);
  });
  const known = opened.get(path);
  if (known?.bytes === state.size && known.changedAt === state.mtimeMs) return known.source;
  const source = sourceOf(path, await readImageInfo(path));
  opened.set(path, { bytes: state.size, changedAt: state.mtimeMs, source });
  return source;
}

function sourceOf(path: string, { hash, width, height }: ImageInfo): ImageSource {
  let decoded: WeakRef<RgbImage> | null = null;
  let decoding: Promise<RgbImage> | null = null;
  const isLarge = width * height > wholeUpTo;
  const scale = overviewSide / Math.max(width, height);
  const overview = { width: Math.round(width * scale), height: Math.round(height * scale) };
  return {
    hash,
    width,
    height,
    async pixels() {
      const held = decoded?.deref();
      if (held !== undefined) return held;
      decoding ??= (isLarge ? decodeScaled(path, null, overview) : decodeImage(path)).finally(() => {
        decoding = null;
      });
      const pixels = await decoding;
      decoded = new WeakRef(pixels);
      return pixels;
    },
    ...(isLarge ? { region: (box: Box, size: Size) => decodeScaled(path, box, size) } : {}),
  };
}
