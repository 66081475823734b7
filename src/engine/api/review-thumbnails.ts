import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isCancelled, MaskwrightError, messageOf } from '@shared/contract/errors';
import type { MethodOutput } from '@shared/contract/methods';
import type { Size } from '@shared/geometry/types';
import { decodePlaced } from '@shared/mask/placed';
import type { Rle } from '@shared/mask/rle';
import sharp from 'sharp';
import writeFileAtomic from 'write-file-atomic';
import { maxPixels } from '../images/decode-image';
import { NewestFirst } from '../images/newest-first';

/** Space around the masks, as a share of their larger side. */
const padding = 0.2;
/** Opacity of the black that dims what is not masked, 0..255. */
const dimming = 140;
/** Pixels of the dimming for one of the picture, along a side. */
const fineness = 3;
const mime = 'image/webp';
/** What is drawn at the same time. */
const concurrency = 2;
/** What waits at most: more cards than a window shows. */
const maxWaiting = 60;

interface Picture {
  path: string;
  sha256: string;
  /** COCO bbox of all masks; null shows the whole image. */
  bbox: readonly [number, number, number, number] | null;
  masks: readonly Rle[];
}

/** Pictures of results for the cards of the review queue, cut out around the masks, kept in the cache. */
export class ReviewThumbnails {
  private readonly dir: string;
  private readonly queue = new NewestFirst(concurrency, maxWaiting);

  constructor(cacheDir: string) {
    this.dir = join(cacheDir, 'review');
  }

  /** At most `size` pixels a side. @throws MaskwrightError IMAGE_UNREADABLE, or CANCELLED when it was given up */
  async read(picture: Picture, size: number): Promise<MethodOutput<'review.thumbnail'>> {
    const what = `dimmed ${picture.sha256} ${size} ${picture.masks.map(({ counts }) => counts).join(' ')}`;
    const file = join(this.dir, `${createHash('sha1').update(what).digest('hex')}.webp`);
    try {
      return { mime, bytes: new Uint8Array(await readFile(file)) };
    } catch {
      // Not made yet.
    }
    try {
      const bytes = await this.queue.run(file, () => draw(picture, size));
      await mkdir(this.dir, { recursive: true });
      await writeFileAtomic(file, bytes, { fsync: false });
      return { mime, bytes: new Uint8Array(bytes) };
    } catch (error) {
      if (isCancelled(error)) throw error;
      throw new MaskwrightError('IMAGE_UNREADABLE', `The image cannot be read: ${messageOf(error)}`, {
        hint: 'Check that the file is still there and opens in an image viewer.',
        cause: error,
      });
    }
  }
}

async function draw({ path, bbox, masks }: Picture, size: number): Promise<Buffer> {
  const upright = sharp(path, { limitInputPixels: maxPixels }).rotate();
  const first = masks[0];
  if (bbox === null || first === undefined) {
    return upright.resize(size, size, { fit: 'inside' }).webp({ quality: 78 }).toBuffer();
  }
  const [height, width] = first.size;
  const crop = paddedSquare(bbox, { width, height });
  const region = { left: crop.x, top: crop.y, width: crop.width, height: crop.height };
  const scale = Math.min(1, size / Math.max(crop.width, crop.height));
  const to = {
    width: Math.max(1, Math.round(crop.width * scale)),
    height: Math.max(1, Math.round(crop.height * scale)),
  };
  // Finer than the picture, so that borders are smooth, and never larger than that, however large the image is.
  const fine = {
    width: Math.min(crop.width, to.width * fineness),
    height: Math.min(crop.height, to.height * fineness),
  };
  const over = await sharp(overlay(masks, region, fine), { raw: { ...fine, channels: 4 } })
    .resize(to.width, to.height, { fit: 'fill' })
    .png()
    .toBuffer();
  return upright
    .extract(region)
    .resize(to.width, to.height, { fit: 'fill' })
    .composite([{ input: over }])
    .webp({ quality: 78 })
    .toBuffer();
}

/** Black over all that is not masked, RGBA: a region of the image at the given size. */
function overlay(
  masks: readonly Rle[],
  region: { left: number; top: number; width: number; height: number },
  size: Size,
): Buffer {
  const pixels = Buffer.alloc(size.width * size.height * 4);
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = dimming;
  for (const mask of masks) {
    const placed = decodePlaced(mask);
    if (!placed) continue;
    for (let y = 0; y < size.height; y++) {
      const row = region.top + Math.floor(((y + 0.5) * region.height) / size.height) - placed.y;
      if (row < 0 || row >= placed.height) continue;
      for (let x = 0; x < size.width; x++) {
        const column = region.left + Math.floor(((x + 0.5) * region.width) / size.width) - placed.x;
        if (column < 0 || column >= placed.width) continue;
        if (placed.data[row * placed.width + column] === 1) pixels[(y * size.width + x) * 4 + 3] = 0;
      }
    }
  }
  return pixels;
}

/** A square around a box with some space, moved into the image and cut at its borders. Whole pixels. */
function paddedSquare(
  [x, y, width, height]: readonly [number, number, number, number],
  image: { width: number; height: number },
): { x: number; y: number; width: number; height: number } {
  const side = Math.ceil(Math.max(width, height, 8) * (1 + 2 * padding));
  const cut = (start: number, length: number, limit: number): [number, number] => {
    const size = Math.min(side, limit);
    const from = Math.round(start + length / 2 - size / 2);
    return [Math.min(Math.max(0, from), limit - size), size];
  };
  const [left, cutWidth] = cut(x, width, image.width);
  const [top, cutHeight] = cut(y, height, image.height);
  return { x: left, y: top, width: cutWidth, height: cutHeight };
}
