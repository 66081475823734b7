import { intersectBoxes } from '@shared/geometry/box';
import {
  parentTile,
  sharpLevel,
  type Tile,
  tileBox,
  tileKey,
  tilesIn,
  topLevel,
} from '@shared/geometry/tiles';
import type { Size } from '@shared/geometry/types';
import { LatestBytes } from '../lib/latest-bytes';
import { copy } from './mask-layer';
import { readPicture } from './picture-reader';
import type { ViewTransform } from './scene';

/** Screen pixels for an image pixel from which pixels are shown as squares. */
const nearestFrom = 3;

/** Images with more pixels than this are shown by tiles: decoded whole, 12,000 × 12,000 would take 576 MB. */
export const wholeUpTo = 40_000_000;

/** An image as the canvas paints it. */
export interface Picture {
  readonly size: Size;
  /** Memory of its pixels. */
  readonly bytes: number;
  /** Paints what is seen of it. @param context in CSS pixels of the canvas */
  paint(context: CanvasRenderingContext2D, view: ViewTransform, viewport: Size, ratio: number): void;
  release(): void;
}

export interface PictureSource {
  id: string;
  width: number;
  height: number;
}

/**
 * Reads and decodes an image; of a large one the overview only.
 *
 * @param changed called when more of it can be painted
 */
export async function openPicture(
  source: PictureSource,
  changed: () => void,
  signal?: AbortSignal,
): Promise<Picture> {
  const size = { width: source.width, height: source.height };
  if (source.width * source.height <= wholeUpTo) {
    return new WholePicture(await readPicture(imageUrl(source.id, 'full'), signal), size);
  }
  const overview = await decoded(imageUrl(source.id, 'overview'), signal);
  return new TiledPicture(source.id, size, overview, changed);
}

export function imageUrl(imageId: string, variant: 'full' | 'thumbnail' | 'overview'): string {
  return `image/${encodeURIComponent(imageId)}?variant=${variant}`;
}

async function decoded(url: string, signal?: AbortSignal): Promise<ImageBitmap> {
  const response = await fetch(url, signal ? { signal } : {});
  if (!response.ok) throw new Error((await response.text()) || `The image answered ${response.status}.`);
  return createImageBitmap(await response.blob());
}

class WholePicture implements Picture {
  readonly size: Size;
  readonly #bitmap: ImageBitmap;
  /** Halved as often as it is needed: scaling down a large bitmap in every frame is slow. */
  readonly #halves: (ImageBitmap | OffscreenCanvas)[];
  #isReleased = false;

  /** @param bitmaps whole, then the halves that are there already */
  constructor(bitmaps: readonly ImageBitmap[], size: Size) {
    const [whole] = bitmaps;
    if (!whole) throw new Error('The image has no pixels.');
    this.#bitmap = whole;
    this.size = size;
    this.#halves = [...bitmaps];
  }

  get bytes(): number {
    // With all halves.
    return (this.#bitmap.width * this.#bitmap.height * 4 * 4) / 3;
  }

  paint(context: CanvasRenderingContext2D, view: ViewTransform, viewport: Size, ratio: number): void {
    if (this.#isReleased) return;
    const { width, height } = this.size;
    const scale = view.zoom * ratio;
    const bitmap = this.#half(sharpLevel(scale, 0, 6));
    const seen = seenOf(this.size, view, viewport);
    if (!seen) return;
    const sx = bitmap.width / width;
    const sy = bitmap.height / height;
    context.imageSmoothingEnabled = view.zoom < nearestFrom;
    context.imageSmoothingQuality = 'low';
    context.drawImage(
      bitmap,
      seen.x1 * sx,
      seen.y1 * sy,
      (seen.x2 - seen.x1) * sx,
      (seen.y2 - seen.y1) * sy,
      seen.x1 * view.zoom + view.x,
      seen.y1 * view.zoom + view.y,
      (seen.x2 - seen.x1) * view.zoom,
      (seen.y2 - seen.y1) * view.zoom,
    );
  }

  release(): void {
    this.#isReleased = true;
    for (const half of this.#halves) if (half instanceof ImageBitmap) half.close();
    this.#halves.length = 0;
  }

  #half(level: number): ImageBitmap | OffscreenCanvas {
    for (let made = this.#halves.length; made <= level; made++) {
      const larger = this.#halves[made - 1] ?? this.#bitmap;
      const canvas = new OffscreenCanvas(
        Math.max(1, Math.round(larger.width / 2)),
        Math.max(1, Math.round(larger.height / 2)),
      );
      const context = canvas.getContext('2d');
      if (!context) return larger;
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = 'medium';
      context.drawImage(larger, 0, 0, canvas.width, canvas.height);
      this.#halves.push(canvas);
    }
    return this.#halves[level] ?? this.#bitmap;
  }
}

/** Bytes of tiles that a picture keeps. */
const tileBytes = 96 * 1024 * 1024;
const tilesAtOnce = 6;

/** An image of which only an overview and the tiles that are looked at are in memory. */
class TiledPicture implements Picture {
  readonly size: Size;
  readonly #id: string;
  readonly #overview: ImageBitmap;
  readonly #changed: () => void;
  readonly #tiles = new LatestBytes<ImageBitmap>(tileBytes, (bitmap) => bitmap.close());
  readonly #underway = new Map<string, AbortController>();
  /** Asked for and not to be had; not asked for again. */
  readonly #failed = new Set<string>();
  #wanted: readonly Tile[] = [];
  #isReleased = false;

  constructor(id: string, size: Size, overview: ImageBitmap, changed: () => void) {
    this.#id = id;
    this.size = size;
    this.#overview = overview;
    this.#changed = changed;
  }

  get bytes(): number {
    return this.#overview.width * this.#overview.height * 4 + tileBytes;
  }

  paint(context: CanvasRenderingContext2D, view: ViewTransform, viewport: Size, ratio: number): void {
    if (this.#isReleased) return;
    const { width, height } = this.size;
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = 'low';
    context.drawImage(this.#overview, view.x, view.y, width * view.zoom, height * view.zoom);
    const scale = view.zoom * ratio;
    const seen = seenOf(this.size, view, viewport);
    if (!seen || scale * width <= this.#overview.width) {
      this.#want([]);
      return;
    }
    const tiles = tilesIn(seen, this.size, sharpLevel(scale, 0, topLevel(this.size)));
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.imageSmoothingEnabled = view.zoom < nearestFrom;
    context.imageSmoothingQuality = 'low';
    const missing: Tile[] = [];
    for (const tile of tiles) {
      const part = tileBox(tile, this.size);
      const bitmap = this.#tiles.get(tileKey(tile));
      if (bitmap) {
        copy(context, bitmap, tile, part, view, ratio);
        continue;
      }
      missing.push(tile);
      const parent = parentTile(tile);
      const coarser = this.#tiles.get(tileKey(parent));
      if (coarser) copy(context, coarser, parent, part, view, ratio);
    }
    context.restore();
    this.#want(missing);
  }

  release(): void {
    this.#isReleased = true;
    this.#want([]);
    this.#tiles.clear();
    this.#overview.close();
  }

  /** Asks for tiles in this order; those that are no longer wanted are given up. */
  #want(tiles: readonly Tile[]): void {
    this.#wanted = tiles;
    const keys = new Set(tiles.map(tileKey));
    for (const [key, controller] of this.#underway) {
      if (keys.has(key)) continue;
      controller.abort();
      this.#underway.delete(key);
    }
    this.#next();
  }

  #next(): void {
    for (const tile of this.#wanted) {
      if (this.#underway.size >= tilesAtOnce) return;
      const key = tileKey(tile);
      if (this.#underway.has(key) || this.#failed.has(key) || this.#tiles.has(key)) continue;
      const controller = new AbortController();
      this.#underway.set(key, controller);
      void this.#load(tile, key, controller);
    }
  }

  async #load({ level, column, row }: Tile, key: string, controller: AbortController): Promise<void> {
    const url = `image/${encodeURIComponent(this.#id)}?variant=tile&level=${level}&column=${column}&row=${row}`;
    try {
      const bitmap = await decoded(url, controller.signal);
      if (this.#isReleased || controller.signal.aborted) {
        bitmap.close();
        return;
      }
      this.#tiles.set(key, bitmap, bitmap.width * bitmap.height * 4);
      this.#underway.delete(key);
      this.#changed();
    } catch (error) {
      if (controller.signal.aborted) return;
      console.warn('A tile could not be read', error);
      this.#underway.delete(key);
      this.#failed.add(key);
    }
    this.#next();
  }
}

function seenOf(size: Size, view: ViewTransform, viewport: Size): ReturnType<typeof intersectBoxes> {
  const seen = intersectBoxes(
    {
      x1: Math.floor(-view.x / view.zoom),
      y1: Math.floor(-view.y / view.zoom),
      x2: Math.ceil((viewport.width - view.x) / view.zoom),
      y2: Math.ceil((viewport.height - view.y) / view.zoom),
    },
    { x1: 0, y1: 0, x2: size.width, y2: size.height },
  );
  return seen;
}
